"""Makes of a folder laid out as an installation (bin, share) an archive, a Python wheel and SHA256SUMS.

    python3 pack.py FOLDER NAME VERSION MACHINE

Needs nothing but the standard library. Every file gets the same time, so that equal folders give equal files.
"""

import base64
import gzip
import hashlib
import os
import re
import sys
import tarfile
import zipfile

TIME = (1980, 1, 1, 0, 0, 0)


def files(folder):
    """Every file below the folder, by its path there, in order."""
    found = []
    for place, folders, names in os.walk(folder):
        folders.sort()
        found += [os.path.relpath(os.path.join(place, name), folder) for name in names]
    return sorted(found)


def archive(folder, to):
    root = os.path.basename(folder)

    def plain(entry):
        entry.uid = entry.gid = entry.mtime = 0
        entry.uname = entry.gname = ""
        return entry

    with open(to, "wb") as out, gzip.GzipFile("", "wb", 9, out, 0) as packed:
        with tarfile.open(mode="w", fileobj=packed, format=tarfile.PAX_FORMAT) as tar:
            for name in files(folder):
                tar.add(os.path.join(folder, name), os.path.join(root, name), filter=plain)


def oldest_glibc(folder):
    """The version of the C library that the binaries ask for: the highest symbol version in any of them."""
    newest = (2, 17)
    for name in files(folder):
        if name.startswith("bin/") or name.endswith(".so"):
            with open(os.path.join(folder, name), "rb") as binary:
                for version in re.findall(rb"GLIBC_(\d+)\.(\d+)\0", binary.read()):
                    newest = max(newest, tuple(int(part) for part in version))
    return newest


def wheel(folder, to_folder, name, version, machine):
    """A wheel whose files go to the root of the environment: programs to bin, the rest below share."""
    major, minor = oldest_glibc(folder)
    tag = f"py3-none-manylinux_{major}_{minor}_{machine}"
    info, data = f"{name}-{version}.dist-info", f"{name}-{version}.data"
    to = os.path.join(to_folder, f"{name}-{version}-{tag}.whl")
    with open(os.path.join(folder, "share/doc/harness/README.md"), encoding="utf-8") as readme:
        about = readme.read()
    texts = {
        f"{info}/METADATA": "\n".join(
            [
                "Metadata-Version: 2.1",
                f"Name: {name}",
                f"Version: {version}",
                "Summary: A foundry for agent harnesses: run them, examine them, evolve them by evidence",
                "License: MIT OR Apache-2.0",
                "Requires-Python: >=3.8",
                "Description-Content-Type: text/markdown",
                "",
                about,
            ]
        ),
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nGenerator: harness-dist\nRoot-Is-Purelib: false\nTag: {tag}\n",
    }
    records = []

    def write(packed, path, content, mode):
        entry = zipfile.ZipInfo(path, TIME)
        entry.external_attr = (0o100000 | mode) << 16
        entry.compress_type = zipfile.ZIP_DEFLATED
        packed.writestr(entry, content)
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        records.append(f"{path},sha256={digest},{len(content)}")

    with zipfile.ZipFile(to, "w", zipfile.ZIP_DEFLATED) as packed:
        for path in files(folder):
            with open(os.path.join(folder, path), "rb") as binary:
                content = binary.read()
            if path.startswith("bin/"):
                write(packed, f"{data}/scripts/{path[4:]}", content, 0o755)
            else:
                write(packed, f"{data}/data/{path}", content, 0o644)
        for path, text in texts.items():
            write(packed, path, text.encode(), 0o644)
        record = "\n".join(records + [f"{info}/RECORD,,", ""])
        entry = zipfile.ZipInfo(f"{info}/RECORD", TIME)
        entry.external_attr = 0o100644 << 16
        packed.writestr(entry, record)
    return to


def main():
    folder, name, version, machine = sys.argv[1:]
    to_folder = os.path.dirname(folder)
    packed = f"{folder}.tar.gz"
    archive(folder, packed)
    made = [packed, wheel(folder, to_folder, name, version, machine)]
    with open(os.path.join(to_folder, "SHA256SUMS"), "w", encoding="utf-8") as sums:
        for path in made:
            with open(path, "rb") as content:
                sums.write(f"{hashlib.sha256(content.read()).hexdigest()}  {os.path.basename(path)}\n")
    print("\n".join(made))


if __name__ == "__main__":
    main()
