"""The webhooks of an account, and what they were told."""

import dataclasses
import json
import secrets
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Page, Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.template.defaultfilters import pluralize
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from jobs.account_forms import WebhookForm
from jobs.auth.access import owned
from jobs.auth.confirming import confirmed
from jobs.auth.requests import MemberRequest
from jobs.errors import InputError
from jobs.models import Delivery, Webhook
from jobs.models.delivery import arrived
from jobs.services import deliveries
from jobs.services import webhooks as services
from jobs.services.events import Kind
from jobs.views.asking import ask
from jobs.views.members import changes, member
from jobs.views.tokens import forget_sent, was_sent

PAGE = 25
PAGES = "account-webhooks"


@member
@require_safe
def webhooks(request: MemberRequest) -> HttpResponse:
    """All of them, and the deliveries of one: that which is asked for by `of`, or the first."""
    mine = list(Webhook.objects.of(request.user).order_by("created_at", "pk"))
    figures = services.figures(mine)
    rows = [Row(one, figures.get(one.pk, services.Figures())) for one in mine]
    chosen = next((row for row in rows if str(row.webhook.pk) == request.GET.get("of")), rows[0] if rows else None)
    context = {"rows": rows, "chosen": chosen}
    if chosen:
        context |= listed(request, chosen.webhook)
    return render(request, "me/webhooks/webhooks.html", context)


@dataclasses.dataclass(frozen=True)
class Row:
    """A webhook, and how its deliveries went."""

    webhook: Webhook
    figures: services.Figures

    @property
    def chip(self) -> tuple[str, str]:
        """How it is doing, as a look and in words."""
        figures = self.figures
        if not self.webhook.is_active:
            return "failed", "Paused"
        if self.webhook.failing_since:
            return "waiting", "Failing"
        if figures.delivered:
            return "succeeded", "Healthy"
        if figures.failing:  # and it was let go on since
            return "waiting", "Failing"
        if figures.waiting or figures.held:
            return "waiting", "On its way"
        return "", "Not called yet" if self.is_new else f"Not called in {deliveries.KEPT.days} days"

    @property
    def is_new(self) -> bool:
        """Whether all that it was ever told is still listed."""
        return self.webhook.created_at > timezone.now() - deliveries.KEPT


def listed(request: MemberRequest, webhook: Webhook) -> dict[str, Any]:
    """A page of its deliveries, newest first; of one of them everything, which `show` names."""
    found = Delivery.objects.filter(webhook=webhook)
    only_failed = request.GET.get("state") == "failed"
    if only_failed:
        found = found.failing()
    page: Page[Delivery] = Paginator(found.order_by("-created_at", "pk"), PAGE).get_page(request.GET.get("page"))
    told = [Told.of(delivery, str(delivery.pk) == request.GET.get("show")) for delivery in page]
    return {"page": page, "told": told, "only_failed": only_failed}


@dataclasses.dataclass(frozen=True)
class Told:
    """A delivery as the page shows it."""

    delivery: Delivery
    tries: list[dict[str, Any]]
    is_open: bool
    body: str

    @classmethod
    def of(cls, delivery: Delivery, is_open: bool) -> "Told":
        tries = [
            {**one, "at": datetime.fromisoformat(one["at"]), "arrived": arrived(one["status"])}
            for one in delivery.tries
        ]
        body = ""
        if is_open and delivery.payload:
            body = json.dumps(json.loads(delivery.payload), indent=2, ensure_ascii=False)
        return cls(delivery, tries, is_open, body)

    @property
    def chip(self) -> str:
        """The look of its last answer, by the states of jobs."""
        last = self.delivery.last
        if last and arrived(last["status"]):
            return "succeeded"
        return "failed" if last and self.delivery.state != Delivery.State.HELD else "waiting"


@member
@confirmed
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def new(request: MemberRequest) -> HttpResponse:
    """The form for one more; its secret is in the answer to that form and nowhere else."""
    if request.method != "POST":
        fresh = {"key": secrets.token_urlsafe(12), "events": [Kind.JOB_SUCCEEDED, Kind.JOB_FAILED]}
        return render(request, "me/webhooks/new.html", {"form": WebhookForm(initial=fresh)})
    form = WebhookForm(request.POST)
    if form.is_valid():
        values = form.cleaned_data
        if was_sent(request.user, values["key"]):
            messages.info(
                request, "This webhook is there already. Its secret was shown once; if it is lost, make a new one."
            )
            return redirect(PAGES)
        try:
            webhook, secret = services.create(request.user, values["url"], values["events"])
        except InputError as error:
            forget_sent(request.user, values["key"])
            form.add_error("url", error.message)
        else:
            return render(request, "me/webhooks/secret.html", {"webhook": webhook, "secret": secret})
    return render(request, "me/webhooks/new.html", {"form": form}, status=422)


@member
@confirmed
@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: MemberRequest, pk: UUID) -> HttpResponse:
    webhook = owned(Webhook, request.user, pk)
    form = WebhookForm(request.POST if request.method == "POST" else None, initial=vars(webhook))
    status = 200
    if form.is_bound:
        status = 422
        if form.is_valid():
            try:
                services.change(webhook, form.cleaned_data["url"], form.cleaned_data["events"])
            except InputError as error:
                form.add_error("url", error.message)
            else:
                messages.success(request, "The webhook has been changed.")
                return redirect(of(webhook))
    return render(request, "me/webhooks/edit.html", {"webhook": webhook, "form": form}, status=status)


def of(webhook: Webhook) -> str:
    """The page with its deliveries."""
    return f"{reverse(PAGES)}?of={webhook.pk}"


@changes("webhook", "pk")
def test(request: MemberRequest, pk: UUID) -> HttpResponse:
    webhook = owned(Webhook, request.user, pk)
    made = deliveries.test(webhook)
    messages.success(request, "A test is on its way. Load this page again in a moment to see what came of it.")
    return redirect(f"{of(webhook)}&show={made.pk}")


@changes("webhook", "pk")
def pause(request: MemberRequest, pk: UUID) -> HttpResponse:
    webhook = owned(Webhook, request.user, pk)
    services.pause(webhook)
    messages.success(request, "Paused. It is told nothing until you let it go on; what waits is held back.")
    return redirect(of(webhook))


@changes("webhook", "pk")
def resume(request: MemberRequest, pk: UUID) -> HttpResponse:
    webhook = owned(Webhook, request.user, pk)
    services.resume(webhook)
    messages.success(request, "It goes on, first with what was held back.")
    return redirect(of(webhook))


@member
@confirmed
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def secret(request: MemberRequest, pk: UUID) -> HttpResponse:
    """A new secret, which is in the answer and nowhere else."""
    webhook = owned(Webhook, request.user, pk)
    if request.method == "POST":
        if was_sent(request.user, request.POST.get("key", "")[:40]):
            messages.info(request, "The new secret is there already. It was shown once; if it is lost, make another.")
            return redirect("webhook", pk)
        return render(request, "me/webhooks/secret.html", {"webhook": webhook, "secret": services.rotate(webhook)})
    words = "It is shown once. The present one signs along for 24 hours, so that you can change the receiver meanwhile."
    back = reverse("webhook", args=[pk])
    return ask(
        request,
        "Make a new secret?",
        words,
        verb="Make it",
        keep="Keep the present one",
        back=back,
        stays=False,
        key=secrets.token_urlsafe(12),
    )


@member
@require_http_methods(["GET", "HEAD", "POST"])
def delete(request: MemberRequest, pk: UUID) -> HttpResponse:
    webhook = owned(Webhook, request.user, pk)
    if request.method == "POST":
        services.delete(webhook)
        messages.success(request, "The webhook has been deleted.")
        return redirect(PAGES)
    words = f"{webhook.url} is told nothing more, and its deliveries go too."
    back = reverse("webhook", args=[pk])
    return ask(request, "Delete this webhook?", words, verb="Delete", keep="Keep it", back=back, stays=False)


@changes("webhook", "pk")
def replay_failed(request: MemberRequest, pk: UUID) -> HttpResponse:
    webhook = owned(Webhook, request.user, pk)
    try:
        count = deliveries.replay_failed(webhook)
    except InputError as error:
        messages.error(request, error.message)
    else:
        messages.success(request, f"{count} deliver{pluralize(count, 'y is,ies are')} told again.")
    return redirect(of(webhook))


@member
@require_http_methods(["GET", "HEAD", "POST"])
def replay(request: MemberRequest, pk: UUID) -> HttpResponse:
    delivery = owned(Delivery, request.user, pk)
    shown = f"{of(delivery.webhook)}&show={pk}"
    if request.method == "POST":
        try:
            deliveries.replay(delivery)
        except InputError as error:
            messages.error(request, error.message)
        else:
            messages.success(request, "It is told again. Load this page again in a moment to see what came of it.")
    return redirect(shown)
