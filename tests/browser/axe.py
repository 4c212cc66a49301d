"""What keeps somebody from using a page: axe's rules, and names in the tree that screen readers are given."""

from axe_playwright_python.base import AXE_SCRIPT

AXE = {"resultTypes": ["violations"], "preload": False}
"""Preloading is for style sheets of other hosts, and copies ours inline, which the policy forbids."""
OTHERS = {
    # Django names its search field by a picture with the text "Search", and describes it by the help below.
    "label-title-only": 'id="searchbar"',
    # Swagger UI puts a link and a button inside of the button that unfolds a call.
    "nested-interactive": 'class="opblock-summary-control"',
}
"""Markup that is not ours to mend: by axe's rule, what the tag in question carries."""


IMPACTS = ("minor", "moderate", "serious", "critical")


def violations(page):
    """What axe finds. Its script is read once a page, and what it has looked at besides stays in the browser: each took
    as long as the looking."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE_SCRIPT)
    return page.evaluate("options => axe.run(options).then(results => results.violations)", AXE)


def faults(page, impacts=IMPACTS):
    """What keeps somebody from using the page, as axe finds it."""
    return [
        f"{one['id']}: {node['html']} {node['failureSummary']}"
        for one in violations(page)
        if one["impact"] in impacts
        for node in one["nodes"]
        if OTHERS.get(one["id"], "<") not in node["html"].partition(">")[0][1:]
    ]


NAMED = {
    "button",
    "link",
    "checkbox",
    "radio",
    "switch",
    "textbox",
    "searchbox",
    "combobox",
    "slider",
    "spinbutton",
    "tab",
}
NAMED |= {"DisclosureTriangle", "menuitem", "dialog", "alertdialog", "img", "progressbar", "meter"}
"""Roles, as the browser calls them, of what tells a person nothing without a name."""


def unnamed(page):
    """What screen readers come upon without a name, in the tree that the browser gives them."""
    session = page.context.new_cdp_session(page)
    nodes = session.send("Accessibility.getFullAXTree")["nodes"]
    session.detach()
    return [
        f"{node['role']['value']} {node.get('properties', '')}"
        for node in nodes
        if not node["ignored"] and node["role"]["value"] in NAMED and not node.get("name", {}).get("value", "").strip()
    ]
