"""One's own account, and for operators those of everybody."""

from django.core.exceptions import ValidationError
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from ninja import Query, Router, Status

from jobs.account_forms import ProfileForm
from jobs.api.account_schemas import MeOut, MePatch, SignedUpOut, UserIn, UserList, UserOut, UserQuery
from jobs.api.auth import ANYBODY, asker, owner
from jobs.api.documented import failures
from jobs.api.errors import ApiError, invalid
from jobs.api.idempotency import idempotent
from jobs.auth import signing_up
from jobs.models import Account
from jobs.services import accounts, own_line

me = Router(tags=["Account"])
users = Router(tags=["Account"])
CLOSED = "No accounts can be made here by anybody but operators. Ask one of them."


@me.get("", response={200: MeOut, **failures()}, summary="Get your account")
def get_me(request: HttpRequest) -> MeOut:
    """Who you are here, how much you have, and how much you may have."""
    return MeOut.of(owner(request))


@me.patch("", response={200: MeOut, **failures(422)}, summary="Change your account")
def change_me(request: HttpRequest, patch: MePatch) -> MeOut:
    """How pages look and write times, your name, and whether what you have waiting is begun."""
    account = owner(request)
    changed = {name: value for name, value in patch.dict(exclude_unset=True).items() if value is not None}
    pauses = changed.pop("line_paused", None)
    form = ProfileForm({name: getattr(account, name) for name in ProfileForm.base_fields} | changed, instance=account)
    if not form.is_valid():
        raise ValidationError(form.errors.as_data())
    account.save(update_fields=list(changed))
    if pauses is not None:
        (own_line.pause if pauses else own_line.resume)(account)
    return MeOut.of(account)


# Everybody's ---------------------------------------------------------------------------------------------------------


def refuse_others(account: Account) -> None:
    """Staff look, superusers act, as in the admin."""
    if not account.is_staff:
        raise ApiError(403, "operators_only", "This is for operators. Ask one of them.")


@users.get("", response={200: UserList, **failures(422)}, summary="List accounts")
def list_users(request: HttpRequest, query: Query[UserQuery]) -> UserList:
    """All accounts by their e-mail address, for operators."""
    refuse_others(owner(request))
    found = Account.objects.order_by("email", "pk")
    if query.search:
        found = found.filter(Q(email__icontains=query.search) | Q(name__icontains=query.search))
    return UserList(items=[UserOut.of(account) for account in found[query.part]], count=found.count())


@users.get("/{user_id}", response={200: UserOut, **failures(404)}, summary="Get an account", url_name="user")
def get_user(request: HttpRequest, user_id: str) -> UserOut:
    """Your own, or as an operator any."""
    account = owner(request)
    is_number = user_id.isascii() and user_id.isdigit() and len(user_id) < 19
    found = Account.objects.filter(pk=int(user_id)).first() if is_number else None
    if found is None or not (account.is_staff or found == account):
        raise Http404("no such account")
    return UserOut.of(found)


@users.post(
    "",
    auth=ANYBODY,
    response={201: UserOut, 202: SignedUpOut, **failures(409, 422)},
    summary="Make an account",
    openapi_extra={"security": [{"SessionAuth": []}, {}]},
)
@idempotent()
def create_user(request: HttpRequest, response: HttpResponse, body: UserIn) -> Status[UserOut] | Status[SignedUpOut]:
    """Operators make one for somebody. Where signing up is open everybody makes their own, without a token; where
    letters go out its address has to be confirmed, and the answer is 202, as it is for one that is taken."""
    account = asker(request)
    if account is not None and account.is_superuser:
        return _told(response, _made(body))
    try:
        made = signing_up.sign_up(request, body.email, body.password or "", body.name)
    except signing_up.Closed as error:
        raise ApiError(403, "signup_closed", CLOSED) from error
    except signing_up.TooMany as error:
        raise ApiError(429) from error
    if made.account is None:
        return Status(202, SignedUpOut(email=made.email, id=None))
    return _told(response, made.account)


def _made(body: UserIn) -> Account:
    try:
        return accounts.create(body.email, body.password, body.name)
    except ValidationError as error:
        raise invalid([("password", message) for message in error.messages]) from error


def _told(response: HttpResponse, account: Account) -> Status[UserOut]:
    response["Location"] = reverse("api-v1:user", args=[account.pk])
    return Status(201, UserOut.of(account))
