"""One's own tokens."""

from django.http import Http404, HttpRequest, HttpResponse
from ninja import Query, Router, Status

from jobs.api.auth import confirmed, owner, token_of
from jobs.api.documented import failures
from jobs.api.idempotency import idempotent
from jobs.api.schemas import Page
from jobs.api.token_schemas import TokenIn, TokenList, TokenMade, TokenOut
from jobs.models import Account, Scope, Token
from jobs.services import tokens

router = Router(tags=["Account"])


def found(account: Account, token_id: str) -> Token:
    """A token of this account, or 404."""
    is_number = token_id.isascii() and token_id.isdigit() and len(token_id) < 19
    token = account.tokens.filter(pk=int(token_id)).first() if is_number else None
    if token is None:
        raise Http404("no such token")
    return token


@router.get("", response={200: TokenList, **failures(422)}, summary="List your tokens")
def list_tokens(request: HttpRequest, query: Query[Page]) -> TokenList:
    """Newest first, without their secrets. Those that have ended stay here until they are revoked."""
    mine = owner(request).tokens.order_by("-pk")
    return TokenList(items=[TokenOut.of(token) for token in mine[query.part]], count=mine.count())


@router.post("", response={201: TokenMade, **failures(422)}, summary="Make a token")
@confirmed
@idempotent(secret=True, whole=True)
def create_token(request: HttpRequest, response: HttpResponse, body: TokenIn) -> Status[TokenMade]:
    """The secret is in this answer and nowhere else. A token can make none that may do more, or that lasts longer, than
    itself."""
    scope = Scope.widest(body.scopes)
    token, secret = tokens.make(owner(request), body.name, scope, body.expires_at, token_of(request))
    response["Cache-Control"] = "no-store"
    return Status(201, TokenMade(token=secret, **TokenOut.of(token).dict()))


@router.delete("/{token_id}", response={200: TokenOut, **failures(404)}, summary="Revoke a token")
def revoke_token(request: HttpRequest, token_id: str) -> TokenOut:
    """Whoever sends it is nobody from now on; so is the one that asks, if it revokes itself."""
    token = found(owner(request), token_id)
    gone = TokenOut.of(token)
    tokens.revoke(token)
    return gone
