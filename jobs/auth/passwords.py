"""What a password has to be, in words that fit below a field."""

from django.contrib.auth import password_validation


class Length(password_validation.MinimumLengthValidator):
    def get_help_text(self) -> str:
        return f"At least {self.min_length} characters."


class NotOwn(password_validation.UserAttributeSimilarityValidator):
    def get_help_text(self) -> str:
        return "Nothing like your name or address."


class NotCommon(password_validation.CommonPasswordValidator):
    def get_help_text(self) -> str:
        return "None that many people use."
