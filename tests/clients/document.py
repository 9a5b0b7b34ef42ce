"""The code in docs/verify.md, as a reader would take it from there. Owns finding and running it, and knows none of it."""

import importlib
import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path


class Document:
    def __init__(self, repository: str) -> None:
        self.repository = Path(repository)
        text = (self.repository / "docs/verify.md").read_text(encoding="utf-8")
        self.blocks = re.findall(r"^```(\w+)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
        # A reader has both beside the service.
        sys.path.insert(0, str(self.repository / "docs/examples"))

    def block(self, language: str, start: str) -> str:
        """The one block of a language in which a line starts so."""
        found = [code for name, code in self.blocks if name == language and f"\n{start}" in f"\n{code}"]
        if len(found) != 1:
            sys.exit(f"docs/verify.md has {len(found)} {language} blocks with a line {start!r}")
        return found[0]

    def python(self, start: str) -> dict:
        """What the block defines."""
        names: dict = {}
        exec(compile(self.block("python", start), "docs/verify.md", "exec"), names)
        return names

    def compile_stubs(self) -> None:
        """By the command of the document, in a folder beside which `proto` is."""
        (line,) = [line for line in self.block("sh", "python -m grpc_tools").splitlines() if "grpc_tools.protoc" in line]
        command = line.replace("python", shlex.quote(sys.executable), 1)
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, "proto").symlink_to(self.repository / "proto")
            subprocess.run(["sh", "-c", command], cwd=folder, check=True)
            sys.path.insert(0, folder)
            # What has been imported stays when the folder is gone.
            for name in ["auth.v1.trust_service_pb2", "auth.v1.trust_service_pb2_grpc"]:
                importlib.import_module(name)
            sys.path.remove(folder)
