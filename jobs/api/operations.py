from django.http import HttpRequest
from ninja import Router

from jobs.api.documented import failures
from jobs.api.schemas import OperationList, OperationOut
from jobs.operations import registry

router = Router(tags=["Operations"])


@router.get("", response={200: OperationList, **failures()}, summary="List the operations")
def list_operations(request: HttpRequest) -> OperationList:
    """What can be done with recordings, each with the JSON schema of its parameters and their defaults."""
    items = [OperationOut.of(operation) for operation in registry.every()]
    return OperationList(items=items, count=len(items))
