"""What both of Final Cut Pro's XML formats are written with.

OpenTimelineIO's adapters read these formats well enough to test ours, but write them too loosely to rely on: the one
for Final Cut Pro X (1.0.0) fails at 23.976, 29.97 and 59.94 frames a second and on a name with an apostrophe, and the
one for Final Cut Pro 7 (1.0.0) neither links audio to video nor says how large the frame is.
"""

from xml.etree import ElementTree

Element = ElementTree.Element


def add(parent: Element, tag: str, text: object = None, **attributes: object) -> Element:
    """A new last child, with text and attributes in plain words; attributes that are None are left out."""
    rendered = {name: str(value) for name, value in attributes.items() if value is not None}
    child = ElementTree.SubElement(parent, tag, rendered)
    if text is not None:
        child.text = str(text)
    return child


def document(root: Element) -> str:
    """The tree as a document, with the line that names its type. ElementTree escapes what has to be."""
    ElementTree.indent(root)
    body = ElementTree.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE {root.tag}>\n{body}\n'
