"""What an account wants to be told, and telling it on open pages."""

import json
from pathlib import Path

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from jobs import preferences
from jobs.account_forms import NoticeTimesForm
from jobs.auth.access import refused, signed_in
from jobs.auth.browsers import browser_name
from jobs.auth.requests import MemberRequest
from jobs.errors import InputError
from jobs.models import Notice, PushBrowser
from jobs.services import notice_times, notices, push
from jobs.services.notices import Told
from jobs.views.members import changes, member

SERVICE_WORKER = settings.BASE_DIR / "static" / "scripts" / "service_worker.js"


@member
@require_http_methods(["GET", "HEAD", "POST"])
def choices(request: MemberRequest) -> HttpResponse:
    """What one is told, by which way, and the browsers that are told while their pages are closed."""
    channels = [channel for channel in Notice.Channel if channel != Notice.Channel.EMAIL or settings.EMAIL_URL]
    sent = request.POST if request.method == "POST" else None
    form = NoticeTimesForm(sent, own=notice_times.of(request.user))
    if form.is_valid():
        every = {(kind, channel) for kind in Notice.Kind for channel in channels}
        wanted = {(kind, channel) for kind, channel in every if f"{kind}-{channel}" in request.POST}
        notices.choose(request.user, wanted, channels)
        notice_times.choose(request.user, **form.chosen)
        if request.htmx:  # a switch, which shows by itself what it did
            return HttpResponse(status=204)
        messages.success(request, "Your choice has been saved.")
        return redirect("account-notices")
    if form.errors and request.htmx:
        told = " ".join(str(message) for found in form.errors.values() for message in found)
        return HttpResponse(told, status=422, content_type="text/plain; charset=utf-8")
    chosen = notices.chosen(request.user.pk)
    rows = [(kind, [(channel, (kind, channel) in chosen) for channel in channels]) for kind in Notice.Kind]
    shown = {
        "rows": rows,
        "channels": channels,
        "times": form,
        "zone": str(preferences.zone(request.user)),
        "no_mail": not settings.EMAIL_URL,
        "browsers": PushBrowser.objects.filter(owner=request.user),
    }
    return render(request, "me/notices/choices.html", shown, status=422 if form.errors else 200)


@signed_in
@require_safe
def since(request: HttpRequest) -> JsonResponse:
    """For an open page: what has ended after the notice `after`, and the last one there is now."""
    after = request.GET.get("after", "")
    last, found = notices.since(request.user, int(after) if after.isdecimal() and len(after) < 19 else None)  # type: ignore[arg-type] # a member
    shown = [_plain(notices.tag_of(number), words) for number, words in found]
    return JsonResponse({"last": last, "items": shown}, headers={"Cache-Control": "no-store"})


def _plain(tag: str, words: Told) -> dict[str, str]:
    return {"tag": tag, "title": words.title, "body": words.body, "path": words.path}


@signed_in
@require_safe
def push_key(request: HttpRequest) -> JsonResponse:
    """What a browser needs to let this site tell it something."""
    return JsonResponse({"key": push.public_key()}, headers={"Cache-Control": "no-store"})


@require_POST
@signed_in
def add_browser(request: HttpRequest) -> HttpResponse:
    """The browser that asks is told from now on: its subscription as JSON."""
    try:
        found = json.loads(request.body)
        name = browser_name(request.headers.get("User-Agent", ""))
        browser = push.add(request.user, dict(found), name, request.session.session_key or "")  # type: ignore[arg-type]
    except (ValueError, TypeError):
        return refused(422, "subscription", "Send the browser's subscription as JSON.")
    except InputError as error:
        return refused(422, error.code, error.message)
    return JsonResponse({"id": browser.pk}, status=201)


@changes("account-notices")
def remove_browser(request: MemberRequest) -> HttpResponse:
    browser = _browser(request)
    browser.delete()
    messages.success(request, f"{browser} is not told any more.")
    return redirect("account-notices")


@changes("account-notices")
def try_browser(request: MemberRequest) -> HttpResponse:
    """Have a notice sent; the page says what came of it when it is loaded again."""
    browser = _browser(request)
    push.test(browser)
    messages.success(request, f"A test for {browser} is on its way. Load this page again to see what came of it.")
    return redirect("account-notices")


def _browser(request: MemberRequest) -> PushBrowser:
    number = request.POST.get("browser", "")
    return get_object_or_404(PushBrowser, owner=request.user, pk=int(number) if number.isdecimal() else 0)


@require_safe
@cache_control(no_cache=True)
def service_worker(request: HttpRequest) -> HttpResponse:
    """The script that a browser runs for us while no page is open. Its address, which stays, says for which pages."""
    return HttpResponse(Path(SERVICE_WORKER).read_bytes(), content_type="text/javascript; charset=utf-8")
