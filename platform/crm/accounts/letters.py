"""What the service writes to people about their account. Nothing that a stranger typed stands in any of it."""

from flask_babel import gettext as _

from core.letters import Letter


def confirm(url: str) -> Letter:
    return Letter(
        _("Confirm your e-mail address"),
        (_("An Okno workspace was opened with this address. Confirm that it is yours."),),
        _("Confirm the address"),
        url,
        (_("The link works for three days. If it was not you, leave it: nothing happens without it."),),
    )


def known(url: str, forgot_url: str) -> Letter:
    return Letter(
        _("You have an Okno account already"),
        (
            _("A new Okno workspace was opened with this address, which has an account already."),
            _("If it was you, move the workspace into your account; you will need the password of the new sign-up."),
        ),
        _("Move it into my account"),
        url,
        (
            _("If it was not you, leave it: nobody got into your account."),
            _("If you only forgot the password of your account: %(url)s", url=forgot_url),
        ),
    )


def reset(url: str) -> Letter:
    return Letter(
        _("Set a new password"),
        (_("Somebody, most likely you, has asked for a new password to Okno."),),
        _("Set a new password"),
        url,
        (_("The link works for 30 minutes. If it was not you, leave it: your password stays as it is."),),
    )


def change_email(url: str) -> Letter:
    return Letter(
        _("Confirm your new e-mail address"),
        (_("Confirm that you want to log in to Okno with this address from now on."),),
        _("Confirm the address"),
        url,
        (_("The link works for 30 minutes. If you do not know of it, leave it: nothing happens without it."),),
    )


def email_taken(login_url: str) -> Letter:
    return Letter(
        _("This address has an Okno account already"),
        (
            _("Somebody wanted to log in to another account with this address. It has an account of its own."),
            _("If it was you, log in to that one, or choose another address."),
        ),
        _("Log in"),
        login_url,
        (_("If it was not you, leave it: nothing has changed."),),
    )


def password_changed(forgot_url: str) -> Letter:
    return Letter(
        _("Your password was changed"),
        (_("The password of your Okno account was changed just now. All other browsers were logged out."),),
        "",
        "",
        (_("If it was not you, set a new password at once: %(url)s", url=forgot_url),),
    )


def email_changed() -> Letter:
    return Letter(
        _("Your e-mail address was changed"),
        (_("Your Okno account has another e-mail address from now on. This one does not log in any more."),),
        "",
        "",
        (_("If it was not you, tell the owner of your workspace at once."),),
    )


def new_device(device: str, address: str, when: str, sessions_url: str) -> Letter:
    """`device` is one of our own names for browsers, since what a browser says of itself may be anything."""
    return Letter(
        _("You have logged in with a new browser"),
        (
            _("Somebody, most likely you, has logged in to your Okno account with a browser that was not here before."),
            f"{device or _('Unknown browser')} · {address} · {when}",
        ),
        _("See where you are logged in"),
        sessions_url,
        (_("If it was not you, end that session there and change your password at once."),),
    )
