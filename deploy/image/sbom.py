"""What an image consists of, as CycloneDX.

    python sbom.py PYTHON.json DPKG_STATUS OUTPUT [NAME VERSION LICENCE PURL]...

`PYTHON.json` is what cyclonedx-py has found in the environment; to it come the packages of Debian, and what lies inside
of wheels that do not say so.
"""

import json
import sys
from collections.abc import Iterator, Sequence
from email.parser import HeaderParser
from pathlib import Path

from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.license import DisjunctiveLicense
from cyclonedx.output.json import JsonV1Dot6
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL


def of_debian(status: str) -> Iterator[Component]:
    """The packages that dpkg's file `status` tells to be installed."""
    for paragraph in status.split("\n\n"):
        told = HeaderParser().parsestr(paragraph.lstrip("\n"))
        if told["Status"] == "install ok installed":
            purl = PackageURL("deb", "debian", told["Package"], told["Version"], {"arch": told["Architecture"]})
            yield Component(
                name=told["Package"],
                version=told["Version"],
                type=ComponentType.LIBRARY,
                description=told["Description"].partition("\n")[0],
                purl=purl,
                bom_ref=str(purl),
            )


def inside(name: str, version: str, licence: str, purl: str) -> Component:
    return Component(
        name=name,
        version=version,
        type=ComponentType.APPLICATION,
        licenses=[DisjunctiveLicense(id=licence)],
        purl=PackageURL.from_string(purl),
        bom_ref=purl,
    )


def fours(words: Sequence[str]) -> Iterator[Sequence[str]]:
    return (words[place : place + 4] for place in range(0, len(words), 4))


def reproducible(text: str) -> str:
    """Without what differs each time that it is written."""
    told = json.loads(text)
    told.pop("serialNumber", None)
    told["metadata"].pop("timestamp", None)
    return json.dumps(told, indent=1) + "\n"


def main(python: str, status: str, output: str, *others: str) -> None:
    """Raises SystemExit when the result is not what the standard asks for."""
    bom = Bom.from_json(json.loads(Path(python).read_text()))  # type: ignore[attr-defined]
    bom.components.update(of_debian(Path(status).read_text()))
    bom.components.update(inside(*fields) for fields in fours(others))
    text = reproducible(JsonV1Dot6(bom).output_as_string())
    if error := JsonStrictValidator(SchemaVersion.V1_6).validate_str(text):
        raise SystemExit(f"{output} would not be valid CycloneDX: {error}")
    Path(output).write_text(text)
    sys.stdout.write(f"{output}: {len(bom.components)} components\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
