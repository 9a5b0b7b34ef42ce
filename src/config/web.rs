//! The settings of what comes without native gRPC.

use super::{Problems, Values, values};
use crate::transport::TrustedProxies;
use crate::web::{WebConfig, WebOrigin};

pub(super) fn trusted_proxies(values: &Values, problems: &mut Problems) -> Option<TrustedProxies> {
    values.read("trusted-proxies", problems, |text| {
        TrustedProxies::parse(values::list(text)).map_err(|wrong| {
            format!("must name addresses or networks, like 10.0.0.7 or 10.0.0.0/8, and not {wrong:?}")
        })
    })
}

pub(super) fn web(values: &Values, problems: &mut Problems) -> Option<WebConfig> {
    let cors_origins = values.read("cors-origins", problems, |text| {
        let origins = values::list(text).into_iter().map(|text| {
            WebOrigin::parse(text).ok_or_else(|| {
                "must name origins, each a scheme, a host and perhaps a port, with nothing after it: https://shop.example or \
                 http://localhost:5173"
                    .to_owned()
            })
        });
        origins.collect::<Result<Vec<_>, _>>()
    })?;
    Some(WebConfig { cors_origins })
}
