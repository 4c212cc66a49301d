"""Webhooks, and what they were told."""

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from ninja import Query, Router, Status

from jobs.api.auth import confirmed, owner
from jobs.api.documented import failures
from jobs.api.idempotency import idempotent
from jobs.api.schemas import Page, path_of
from jobs.api.webhook_schemas import (
    DeliveryList,
    DeliveryOut,
    DeliveryQuery,
    Replayed,
    WebhookIn,
    WebhookList,
    WebhookMade,
    WebhookOut,
    WebhookPatch,
)
from jobs.auth.access import owned
from jobs.models import Delivery, Webhook
from jobs.services import deliveries, webhooks

router = Router(tags=["Webhooks"])
deliveries_router = Router(tags=["Webhooks"])


@router.get("", response={200: WebhookList, **failures(422)}, summary="List webhooks")
def list_webhooks(request: HttpRequest, query: Query[Page]) -> WebhookList:
    """Yours, oldest first, without their secrets."""
    mine = Webhook.objects.of(owner(request)).order_by("created_at", "pk")
    return WebhookList(items=[WebhookOut.of(webhook) for webhook in mine[query.part]], count=mine.count())


@router.post("", response={201: WebhookMade, **failures(422)}, summary="Make a webhook")
@confirmed
@idempotent(secret=True)
def create_webhook(request: HttpRequest, response: HttpResponse, body: WebhookIn) -> Status[WebhookMade]:
    """It is called by [Standard Webhooks](https://www.standardwebhooks.com): a POST of `{"type", "timestamp", "data"}`,
    where `data` is the recording, job or run as this API shows it, with the headers `webhook-id`, `webhook-timestamp`
    and `webhook-signature`. The libraries of Standard Webhooks verify it with the secret, which is in this answer and
    nowhere else.

    Any answer from 200 to 299 within 15 s says that it arrived. Otherwise it is told again, after pauses that grow from
    5 s to a day, for three days, or when `Retry-After` asks for it. 410 switches the webhook off, and so does a week in
    which nothing arrives. Events come in no order, and one may come twice: by the same `webhook-id`. What was deleted
    before it could be told is `{"id", "deleted": true}`.
    """
    webhook, secret = webhooks.create(owner(request), body.url, body.events)
    response["Location"] = path_of("webhook", webhook.pk)
    response["Cache-Control"] = "no-store"
    return Status(201, WebhookMade.with_secret(webhook, secret))


@router.get(
    "/{uuid:webhook_id}", response={200: WebhookOut, **failures(404)}, summary="Get a webhook", url_name="webhook"
)
def get_webhook(request: HttpRequest, webhook_id: UUID) -> WebhookOut:
    """What it is told, and how that went. Its secret is not among this."""
    return WebhookOut.of(owned(Webhook, owner(request), webhook_id))


@router.patch("/{uuid:webhook_id}", response={200: WebhookOut, **failures(404, 422)}, summary="Change a webhook")
@confirmed
def change_webhook(request: HttpRequest, webhook_id: UUID, patch: WebhookPatch) -> WebhookOut:
    """What waits to be told goes to the new address."""
    webhook = owned(Webhook, owner(request), webhook_id)
    webhooks.change(webhook, patch.url, patch.events)
    if patch.active is not None:
        (webhooks.resume if patch.active else webhooks.pause)(webhook)
    return WebhookOut.of(webhook)


@router.delete("/{uuid:webhook_id}", response={200: WebhookOut, **failures(404)}, summary="Delete a webhook")
def delete_webhook(request: HttpRequest, webhook_id: UUID) -> WebhookOut:
    """With all its deliveries; what waits is not told any more."""
    webhook = owned(Webhook, owner(request), webhook_id)
    gone = WebhookOut.of(webhook)
    webhooks.delete(webhook)
    return gone


@router.post("/{uuid:webhook_id}/secret", response={200: WebhookMade, **failures(404)}, summary="Make a new secret")
@confirmed
@idempotent(secret=True, whole=True)
def rotate_secret(request: HttpRequest, response: HttpResponse, webhook_id: UUID) -> WebhookMade:
    """Deliveries are signed with it from now on, and for 24 hours also with the one before, and those that sign
    still: receivers change over in that time."""
    webhook = owned(Webhook, owner(request), webhook_id)
    secret = webhooks.rotate(webhook)
    response["Cache-Control"] = "no-store"
    return WebhookMade.with_secret(webhook, secret)


@router.post("/{uuid:webhook_id}/test", response={201: DeliveryOut, **failures(404)}, summary="Send a test")
@idempotent(whole=True)
def send_test(request: HttpRequest, response: HttpResponse, webhook_id: UUID) -> Status[DeliveryOut]:
    """Tell it `webhook.test`, once, also while it is paused. The delivery says what came of it, in a moment."""
    made = deliveries.test(owned(Webhook, owner(request), webhook_id))
    response["Location"] = path_of("delivery", made.pk)
    return Status(201, DeliveryOut.of(made))


@router.get(
    "/{uuid:webhook_id}/deliveries", response={200: DeliveryList, **failures(404, 422)}, summary="List deliveries"
)
def list_deliveries(request: HttpRequest, webhook_id: UUID, query: Query[DeliveryQuery]) -> DeliveryList:
    """What it was told in the last 30 days, newest first, with each try and its answer."""
    found = owned(Webhook, owner(request), webhook_id).deliveries.order_by("-created_at", "pk")
    if query.state is not None:
        found = found.filter(state=query.state)
    return DeliveryList(items=[DeliveryOut.of(delivery) for delivery in found[query.part]], count=found.count())


@router.post("/{uuid:webhook_id}/replay", response={200: Replayed, **failures(404, 409)}, summary="Replay what failed")
@idempotent()
def replay_failed(request: HttpRequest, webhook_id: UUID) -> Replayed:
    """Tell again, now, all that has failed until now: what was given up, and what waits for another try. 409 while the
    webhook is paused."""
    return Replayed(deliveries=deliveries.replay_failed(owned(Webhook, owner(request), webhook_id)))


@deliveries_router.get(
    "/{uuid:delivery_id}", response={200: DeliveryOut, **failures(404)}, summary="Get a delivery", url_name="delivery"
)
def get_delivery(request: HttpRequest, delivery_id: UUID) -> DeliveryOut:
    """What was sent, and what was answered to each try."""
    return DeliveryOut.of(owned(Delivery, owner(request), delivery_id))


@deliveries_router.post(
    "/{uuid:delivery_id}/replay", response={200: DeliveryOut, **failures(404, 409)}, summary="Replay a delivery"
)
@idempotent()
def replay_delivery(request: HttpRequest, delivery_id: UUID) -> DeliveryOut:
    """Tell the same again, by the same `webhook-id`. One that waits for another try is told now. 409 while its webhook
    is paused."""
    delivery = owned(Delivery, owner(request), delivery_id)
    deliveries.replay(delivery)
    return DeliveryOut.of(delivery)
