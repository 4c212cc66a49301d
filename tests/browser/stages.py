"""What tests share of forms that are set on the recording."""


def drag(page, what, x, y, **options):
    """Take hold of something in its middle and move it by so many pixels of the page."""
    what.scroll_into_view_if_needed()
    box = what.bounding_box()
    at = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(*at)
    page.mouse.down()
    page.mouse.move(at[0] + x, at[1] + y, steps=4)
    page.mouse.up()


def job_of(form, *, wait=False):
    """Start what a form says; the job, as the API tells it, with `wait` once it has ended."""
    page = form.page
    with page.expect_navigation():
        form.get_by_role("button", name="Start").click()
    video = page.url.split("/videos/")[1][:36]
    newest = page.request.get(f"/api/v1/jobs?video={video}").json()["items"][0]
    return page.request.get(f"/api/v1/jobs/{newest['id']}{'?wait=60' if wait else ''}", timeout=90_000).json()
