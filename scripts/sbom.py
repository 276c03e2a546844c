"""Completes the document of cargo-cyclonedx: hashes of crates, and what the program installs.

    sbom.py DOCUMENT Cargo.lock catalogue.toml ROOT >COMPLETE

ROOT is where the tool found the sources; it is taken out of the document, which otherwise would differ with the folder.
"""

import json
import sys
import tomllib
import uuid
from pathlib import Path


def crate_hashes(lock):
    """SHA-256 of each package that comes from the registry, by name and version."""
    return {(package["name"], package["version"]): package["checksum"] for package in lock["package"] if "checksum" in package}


def licences(row):
    return [{"license": {"name": f"{entry['licence']} ({entry['source']})"}} for entry in row["licences"]]


def sha256(digest):
    return [{"alg": "SHA-256", "content": digest}]


def installed(catalogue):
    """Networks, cascades, pictures and libraries that the program fetches when it is asked to; none is part of it."""
    archives = {archive["id"]: archive for archive in catalogue["archive"]}

    def origin(row):
        archive = archives[row["archive"]]
        return [
            {"name": "prosopon:package", "value": f"{archive['package']} {archive['version']}"},
            {"name": "prosopon:package-sha256", "value": archive["sha256"]},
            {"name": "prosopon:kind", "value": archive["kind"]},
        ]

    for row in catalogue["file"]:
        is_model = row["install"].startswith("models/")
        yield {
            "type": "machine-learning-model" if is_model else "file",
            "bom-ref": f"catalogue:{row['id']}",
            "name": row["id"],
            "version": archives[row["archive"]]["version"],
            "description": row["task"],
            "scope": "optional",
            "hashes": sha256(row["sha256"]),
            "licenses": licences(row),
            "properties": [*origin(row), {"name": "prosopon:permitted-use", "value": row["permitted_use"]}],
        }
    for row in catalogue["runtime"]:
        yield {
            "type": "library",
            "bom-ref": f"catalogue:{row['id']}",
            "name": "openvino",
            "version": archives[row["archive"]]["version"],
            "description": f"inference engine for {row['os']} on {row['arch']}",
            "scope": "optional",
            "licenses": licences(row),
            "properties": origin(row),
            "components": [
                {"type": "file", "bom-ref": f"catalogue:{row['id']}/{file['name']}", "name": file["name"], "hashes": sha256(file["sha256"])}
                for file in row["libraries"]
            ],
        }


def main():
    document, lock, catalogue, root = sys.argv[1:]
    text = Path(document).read_text()
    for spelling in (f"path+file://{root}/", f"file://{root}/", f"{root}/"):
        text = text.replace(spelling, "")
    bom = json.loads(text)
    hashes = crate_hashes(tomllib.loads(Path(lock).read_text()))
    for component in bom["components"]:
        digest = hashes.get((component["name"], component["version"]))
        if digest:
            component["hashes"] = sha256(digest)
    bom["components"].extend(installed(tomllib.loads(Path(catalogue).read_text())))
    bom.pop("serialNumber", None)
    content = json.dumps(bom, sort_keys=True)
    # The number stands for the content, so that the same content has the same one.
    bom["serialNumber"] = f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, content)}"
    print(json.dumps(bom, indent=2, sort_keys=True))


if __name__ == "__main__":
    main()
