from jobs.models.account import Account
from jobs.models.artifact import Artifact
from jobs.models.chain_draft import ChainDraft
from jobs.models.daily_use import DailyUse
from jobs.models.delivery import Delivery
from jobs.models.departure import Departure
from jobs.models.draft import Draft
from jobs.models.experience import Experience
from jobs.models.flow import Flow
from jobs.models.hold import Hold
from jobs.models.image import Image
from jobs.models.imports import Import
from jobs.models.install import Install
from jobs.models.invitation import Invitation
from jobs.models.job import Job
from jobs.models.keeping import Keeping
from jobs.models.kept_answer import KeptAnswer
from jobs.models.notice import Notice, NoticeChoice, NoticeTurn, PushBrowser
from jobs.models.notice_times import NoticeTimes
from jobs.models.pipeline import Pipeline
from jobs.models.preset import Preset
from jobs.models.queue_state import QueueState
from jobs.models.removal import Removal
from jobs.models.room import Room
from jobs.models.run import Run
from jobs.models.said import IndexedTranscript, SaidLine
from jobs.models.sign_in import SignIn
from jobs.models.sweep import Sweep
from jobs.models.tag import Tag, Tagging
from jobs.models.token import Scope, Token
from jobs.models.upload import Upload
from jobs.models.upload_part import UploadPart
from jobs.models.video import Video
from jobs.models.webhook import Webhook

__all__ = [
    "Account",
    "Artifact",
    "ChainDraft",
    "DailyUse",
    "Delivery",
    "Departure",
    "Draft",
    "Experience",
    "Flow",
    "Hold",
    "Image",
    "Import",
    "IndexedTranscript",
    "Install",
    "Invitation",
    "Job",
    "Keeping",
    "KeptAnswer",
    "Notice",
    "NoticeChoice",
    "NoticeTimes",
    "NoticeTurn",
    "Pipeline",
    "Preset",
    "PushBrowser",
    "QueueState",
    "Removal",
    "Room",
    "Run",
    "SaidLine",
    "Scope",
    "SignIn",
    "Sweep",
    "Tag",
    "Tagging",
    "Token",
    "Upload",
    "UploadPart",
    "Video",
    "Webhook",
]
