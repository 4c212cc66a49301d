"""Saved chains: the list of them, the editor, and what is done with one."""

import json
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.core.files.uploadedfile import UploadedFile
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from jobs import chain_edits, chain_form
from jobs.auth.access import owned
from jobs.auth.requests import MemberRequest, PageRequest
from jobs.chain_form import ChainForm
from jobs.errors import InputError
from jobs.models import Account, Pipeline, Run, Video
from jobs.services import chain_drafts, chain_files, flow, inputs, pipelines, runs, steps, versions
from jobs.services.shipped import Shipped
from jobs.views import members
from jobs.views.asking import ask
from jobs.views.members import changes, member
from jobs.views.work_form import with_images


@member
@require_safe
def chains(request: MemberRequest) -> HttpResponse:
    return render(request, "chains/chains.html", context(request.user))


def context(owner: Account, **more: Any) -> dict[str, Any]:
    return {"chains": shown(pipelines.of(owner), owner.default_pipeline), **more}


def shown(chains: Iterable[pipelines.Chain], default: str = "") -> list[dict[str, Any]]:
    return [
        {
            "slug": chain.slug,
            "name": chain.name,
            "summary": getattr(chain, "summary", ""),
            "tree": flow.drawn(pipelines.chain_of(chain)),
            "steps": len(pipelines.chain_of(chain)),
            "why_not": [sentence for _, sentence in steps.gone(pipelines.chain_of(chain))],
            "is_shipped": isinstance(chain, Shipped),
            "is_default": chain.slug == default,
        }
        for chain in chains
    ]


# What is done with one -----------------------------------------------------------------------------------------------


def found(owner: Account, slug: str) -> pipelines.Chain:
    if (chain := pipelines.find(owner, slug)) is None:
        raise Http404("no chain of this name")
    return chain


def own(owner: Account, slug: str) -> Pipeline:
    chain = found(owner, slug)
    if not isinstance(chain, Pipeline):
        raise Http404("a chain that came with the install")
    return chain


@member
@require_http_methods(["GET", "HEAD", "POST"])
def run(request: MemberRequest, slug: str) -> HttpResponse:
    """Choose a recording, or a result, and run the chain on it."""
    chain, owner = found(request.user, slug), request.user
    problems, chosen = [], request.POST.get("video", "")
    if request.method == "POST":
        try:
            return redirect(start(owner, _subject(owner, chosen), chain))
        except InputError as error:
            problems = sentences(error)
    extra = {"shown": shown([chain])[0], "recordings": inputs.offered(owner), "chosen": chosen, "problems": problems}
    return render(request, "chains/run.html", extra, status=422 if problems else 200)


def _subject(owner: Account, pk: str) -> Video:
    video = versions.find(owner, pk) if is_uuid(pk) else None
    if video is None:
        raise InputError("This recording is not there any more. Choose another one.", code="gone")
    return video


def start(owner: Account, subject: Video, chain: pipelines.Chain) -> Run:
    """Raises StepError and InputError as `runs.start`."""
    return runs.start(owner, subject, pipelines.chain_of(chain), chain.name, slug=chain.slug)


def sentences(refusal: InputError) -> list[str]:
    """What is wrong, one by one."""
    return [sentence for _, sentence in getattr(refusal, "problems", [])] or [refusal.message]


@changes("chains")
def copy(request: MemberRequest, slug: str) -> HttpResponse:
    try:
        made = pipelines.copy(request.user, found(request.user, slug))
    except InputError as error:
        messages.error(request, error.message)
        return redirect("chains")
    messages.success(request, f"“{made.name}” is yours. Change what you like.")
    return redirect("chain", made.slug)


@changes("chains")
def set_default(request: MemberRequest, slug: str) -> HttpResponse:
    """Run it on every upload that names no other work, or no longer."""
    chain, is_on = found(request.user, slug), request.POST.get("default") == "on"
    pipelines.set_default(request.user, slug if is_on else "")
    words = f"“{chain.name}” runs on every upload now, unless you choose other work there."
    messages.success(request, words if is_on else "Nothing runs on uploads by itself now.")
    return redirect("chains")


@member
@require_http_methods(["GET", "HEAD", "POST"])
def delete(request: MemberRequest, slug: str) -> HttpResponse:
    chain = own(request.user, slug)
    if request.method == "POST":
        pipelines.delete(chain)
        messages.success(request, f"“{chain.name}” has been deleted.")
        return redirect("chains")
    words = "What it was run for stays, and what runs goes on."
    if request.user.default_pipeline == slug:
        words += " Uploads will run nothing by themselves any more."
    question = f"Delete the chain “{chain.name}”?"
    return ask(request, question, words, verb="Delete", keep="Keep it", back=reverse("chains"), stays=False)


@member
@require_safe
def export(request: MemberRequest, slug: str) -> HttpResponse:
    text = json.dumps(pipelines.exported(found(request.user, slug)), indent=2, ensure_ascii=False)
    response = HttpResponse(f"{text}\n", content_type="application/json")
    response["Content-Disposition"] = f'attachment; filename="{slug}.json"'
    return response


@changes("chains")
def take_in(request: MemberRequest) -> HttpResponse:
    """Save a chain from a file, or from what was pasted."""
    pasted, file = request.POST.get("json", ""), request.FILES.get("file")
    try:
        name, raw = chain_files.read(_text(pasted, file))
        made = pipelines.save(request.user, name or "Chain", raw)
    except InputError as error:
        extra = context(request.user, import_problems=sentences(error), pasted=pasted[: chain_files.LONGEST])
        return render(request, "chains/chains.html", extra, status=422)
    messages.success(request, f"“{made.name}” has been imported.")
    return redirect("chain", made.slug)


def _text(pasted: str, file: UploadedFile | None) -> bytes:
    if file is not None:
        return file.read(chain_files.LONGEST + 1)
    if not pasted.strip():
        raise InputError("Choose a file, or paste a chain.", code="nothing")
    return pasted.encode(errors="replace")


# The editor ----------------------------------------------------------------------------------------------------------


@require_http_methods(["GET", "HEAD", "POST"])
def editor(request: PageRequest, slug: str = "") -> HttpResponse:
    """Make a chain, or change one of one's own."""
    if not request.user.is_authenticated and request.method == "POST" and not request.htmx:
        return members.keep_typed(request, request.path, redirect_to_login(request.path))
    return _editor(request, slug)


@member
def _editor(request: MemberRequest, slug: str) -> HttpResponse:
    chain = found(request.user, slug) if slug else None
    if isinstance(chain, Shipped):
        return redirect(f"{reverse('chain-new')}?from={slug}")
    if request.method != "POST":
        typed = members.typed(request)
        form = ChainForm(typed, request.user) if typed else _begun(request, chain)
        return members.forget_typed(_shown(request, form, chain))
    return _posted(request, chain)


def _begun(request: MemberRequest, chain: Pipeline | None) -> ChainForm:
    """What the editor opens with: a saved chain, another one to begin with, what was run, or nothing."""
    owner = request.user
    if chain:
        return ChainForm.of(owner, chain.name, pipelines.chain_of(chain))
    if run := _run(request, request.GET.get("run", "")):
        return ChainForm.of(owner, run.name[:80], runs.chain_of(run), run=str(run.pk))
    if (pk := request.GET.get("draft", "")) and is_uuid(pk):
        video = versions.owned(owner, UUID(pk))
        name, there = chain_drafts.of(video)
        return ChainForm.of(owner, name, there, video=str(video.pk))
    if (pk := request.GET.get("video", "")) and is_uuid(pk):
        return ChainForm.of(owner, "", [], video=str(versions.owned(owner, UUID(pk)).pk))
    if slug := request.GET.get("from", ""):
        begin = found(owner, slug)
        return ChainForm.of(owner, f"{begin.name} (copy)"[:80], pipelines.chain_of(begin))
    return ChainForm.of(owner, "", [])


def _run(request: MemberRequest, pk: str) -> Run | None:
    """The run that a chain is begun with, or 404."""
    return owned(Run, request.user, pk) if pk else None


def _posted(request: MemberRequest, chain: Pipeline | None) -> HttpResponse:
    data, refused = with_images(request, chain_form.image_fields(request.POST))
    do = data.get("do", "save")
    if do not in ("save", "run"):
        changed = chain_edits.change(ChainForm(data, request.user), do)
        form = ChainForm(changed.data, request.user)
        return _shown(request, form, chain, said=changed.said, focus=changed.focus)
    form = ChainForm(data, request.user, checked=True)
    for name, message in refused.items():
        key, _, field = name.partition("-p-")
        next(step for step in form.steps if step.key == key).form.add_error(field, message)
    try:
        if not form.errors:
            return _run_now(request, form) if do == "run" else _saved(request, form, chain)
    except InputError as error:
        form.tell(error)
    return _shown(request, form, chain, status=422)


def _saved(request: MemberRequest, form: ChainForm, chain: Pipeline | None) -> HttpResponse:
    if chain:
        pipelines.change(chain, form.name, form.raw())
    else:
        chain = pipelines.save(request.user, form.name, form.raw())
    messages.success(request, f"“{chain.name}” is saved.")
    return redirect("chains")


def _run_now(request: MemberRequest, form: ChainForm) -> HttpResponse:
    """Run it, changed, on what an earlier run worked on: steps that are the same take the results that are there."""
    subject = _subject_of(request, form)
    if subject is None:
        raise InputError("There is nothing to run this on. Save it, then choose a recording.", code="no_recording")
    chain = steps.read(form.raw(), request.user)
    made = runs.start(request.user, subject, chain, form.name.strip() or steps.summary(chain))
    messages.success(request, f"“{made.name}” has been started. Steps that have been done already are not done again.")
    return redirect(made)


def _subject_of(request: MemberRequest, form: ChainForm) -> Video | None:
    """What the chain was begun for: what an earlier run worked on, or a recording. Raises InputError when it is gone,
    and Http404 for what belongs to others."""
    if is_uuid(form.run):
        return runs.subject_of(owned(Run, request.user, form.run))
    return versions.owned(request.user, UUID(form.video)) if is_uuid(form.video) else None


def _shown(
    request: MemberRequest,
    form: ChainForm,
    chain: Pipeline | None,
    *,
    said: str = "",
    focus: str = "",
    status: int = 200,
) -> HttpResponse:
    try:
        subject = _subject_of(request, form)
    except InputError:
        subject = None
    template = "chains/_editor.html" if request.htmx else "chains/editor.html"
    extra = {"chain": form, "saved": chain, "subject": subject, "said": said, "focus": focus}
    return render(request, template, extra, status=status)


def is_uuid(text: str) -> bool:
    try:
        return bool(UUID(text))
    except ValueError:
        return False
