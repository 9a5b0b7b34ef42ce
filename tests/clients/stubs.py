"""Python stubs of Countersign's services, compiled from its .proto files when they are asked for.

Owns the compiling alone. Of google/api nothing is compiled: as in any Python project, its messages come from
googleapis-common-protos, and the few fields that our copy declares must mean the same there.
"""

import importlib
import sys
import tempfile
from pathlib import Path
from types import ModuleType

from grpc_tools import protoc


def compiled(proto_folder: str, *names: str) -> list[ModuleType]:
    """The modules called `names`, such as `auth.v1.auth_service_pb2`."""
    sources = sorted(Path(proto_folder, "auth").rglob("*.proto"))
    if not sources:
        sys.exit(f"there are no .proto files in {proto_folder}/auth")
    well_known = Path(protoc.__file__).parent / "_proto"
    with tempfile.TemporaryDirectory() as folder:
        arguments = [f"-I{proto_folder}", f"-I{well_known}", f"--python_out={folder}", f"--grpc_python_out={folder}"]
        if protoc.main(["protoc", *arguments, *map(str, sources)]) != 0:
            sys.exit("protoc refuses the .proto files")
        sys.path.insert(0, folder)
        try:
            return [importlib.import_module(name) for name in names]
        finally:
            sys.path.remove(folder)
