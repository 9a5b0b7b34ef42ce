//! Comments of the protos, which are the API's documentation.

use prost_reflect::FileDescriptor;

/// The comment in front of what is at `path` in a file's source, a paragraph a line.
pub(super) fn of(file: &FileDescriptor, path: &[i32]) -> String {
    let source = file.file_descriptor_proto().source_code_info.as_ref();
    let mut places = source.into_iter().flat_map(|source| &source.location);
    let place = places.find(|place| place.path == path);
    unwrapped(place.map(|place| place.leading_comments()).unwrap_or_default())
}

/// The first sentence.
pub(super) fn summary(comment: &str) -> &str {
    let line = comment.lines().next().unwrap_or_default();
    line.split_once(". ").map_or(line, |(first, _)| first).trim_end_matches('.')
}

fn unwrapped(comment: &str) -> String {
    let mut text = String::new();
    for line in comment.lines().map(str::trim) {
        match (line.is_empty(), text.is_empty() || text.ends_with('\n')) {
            (true, true) => {}
            (true, false) => text.push_str("\n\n"),
            (false, true) => text.push_str(line),
            (false, false) => {
                text.push(' ');
                text.push_str(line);
            }
        }
    }
    text.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paragraphs_are_kept_and_lines_are_not() {
        let comment = unwrapped(" Registers a user. Anyone\n may.\n\n NOT_FOUND: no.\n");
        assert_eq!(comment, "Registers a user. Anyone may.\n\nNOT_FOUND: no.");
        assert_eq!(summary(&comment), "Registers a user");
        assert_eq!(summary("Done."), "Done");
    }
}
