"""The client's page of a quote: in the look of the business, without a log-in, a cookie or anybody else's server.

GET only shows, since scanners of mail follow links; answers are POSTs. Whoever holds the link can read the quote and
answer it, and nothing else; who holds an old one is told so kindly, and may ask for a new one.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from flask import Blueprint, Response, abort, g, request
from sqlalchemy.orm import Session

from billing.errors import NoAnswer, NotSetUp
from core.db import Workspace, database
from core.errors import Busy, Invalid
from core.letters import here
from core.pages import Answer, render, see
from crm.accounts.limits import address, limited, limiter
from crm.deals.items import totals
from crm.documents.actions import letterhead_of
from crm.documents.models import Letterhead
from crm.payments import online
from crm.payments.tills import till_of
from crm.quotes import answers, links, paper
from crm.quotes.models import Quote

front = Blueprint("client_quote", __name__, template_folder="templates")

often = limiter.limit("120 per minute", key_func=address, methods=["GET"])


@contextmanager
def opened(link: str, *, changing: bool = False) -> Iterator[tuple[Session, Workspace, Quote, Letterhead]]:
    """What the link opens, in the quote's language. Says that it is gone where the link is none, or is old."""
    asked = links.read(link)
    if asked is None:
        abort(404)
    with database().workspace(asked.workspace) as session, session.begin():
        quote = links.opened(session, asked, locked=changing)
        if quote is None:
            abort(404)
        g.language, g.time_zone = quote.language, asked.workspace.time_zone
        yield session, asked.workspace, quote, letterhead_of(session, asked.workspace.name)


@front.get("/quote/<link>")
@often
def show(link: str) -> Answer:
    with opened(link, changing=True) as (session, workspace, quote, letterhead):
        if quote.state in ("sent", "accepted"):
            answers.see(session, quote)
        return page(session, link, workspace, quote, letterhead)


@front.post("/quote/<link>/accept")
@limited("20 per hour")
def accept(link: str) -> Answer:
    return answered(
        link, lambda session, quote: answers.accept(session, quote, request.form.get("name", ""), address())
    )


@front.post("/quote/<link>/decline")
@limited("20 per hour")
def decline(link: str) -> Answer:
    reason, name = request.form.get("reason", ""), request.form.get("who", "")
    return answered(link, lambda session, quote: answers.decline(session, quote, reason, name, address()))


@front.post("/quote/<link>/again")
@limited("3 per hour")
def ask_again(link: str) -> Answer:
    """Asked once from one place within an hour is enough for the business to hear."""
    with opened(link, changing=True) as (session, workspace, quote, letterhead):
        answers.ask_again(session, quote)
        return page(session, link, workspace, quote, letterhead, asked=True)


@front.post("/quote/<link>/pay")
@limited("20 per hour")
def pay(link: str) -> Answer:
    """To the page of Stripe where what is left is paid."""
    with opened(link) as (_session, workspace, quote, _letterhead):
        pass
    try:
        url = online.open_page(here(), database(), workspace, quote, f"{here().url}/quote/{link}")
    except Busy:
        url = f"/quote/{link}"
    return see(url)


@front.get("/quote/<link>/paid")
@often
def paid(link: str) -> Answer:
    """Back from Stripe, which is asked whether anything was paid. Were it away, the clock asks again."""
    with opened(link) as (_session, workspace, quote, _letterhead):
        pass
    if quote.checkout_id:
        with suppress(NoAnswer, NotSetUp):
            online.settle_checkout(here(), database(), workspace, quote.checkout_id)
    return see(f"/quote/{link}")


@front.get("/quote/<link>/pdf")
@often
def pdf(link: str) -> Answer:
    with opened(link) as (session, workspace, quote, _letterhead):
        return as_file(paper.pdf_of(session, workspace, quote), paper.file_name(quote))


@front.get("/quote/<link>/logo")
@often
def logo(link: str) -> Answer:
    with opened(link) as (_session, _workspace, _quote, letterhead):
        picture = paper.logo_of(letterhead)
    return Response(picture, content_type="image/png") if picture else abort(404)


@front.get("/quote/<link>/look.css")
@often
def look(link: str) -> Answer:
    """The colour of the business; a style sheet of its own, since pages may have no style in them."""
    with opened(link) as (_session, _workspace, _quote, letterhead):
        return Response(f":root {{ --business: {letterhead.colour}; }}\n", content_type="text/css; charset=utf-8")


def answered(link: str, act: Any) -> Answer:
    """Do it and show the page anew; or say on it what is wrong."""
    with opened(link, changing=True) as (session, workspace, quote, letterhead):
        try:
            act(session, quote)
        except Invalid as error:
            errors = {name: str(words) for name, words in error.fields}
            return page(session, link, workspace, quote, letterhead, errors=errors), 422
        except Busy:
            return page(session, link, workspace, quote, letterhead), 409
    return see(f"/quote/{link}")


def page(
    session: Session,
    link: str,
    workspace: Workspace,
    quote: Quote,
    letterhead: Letterhead,
    *,
    errors: dict[str, str] | None = None,
    asked: bool = False,
) -> str:
    rest = online.rest_of(session, quote)
    return render(
        None,
        "quotes/client.html",
        link=link,
        quote=quote,
        paper=paper.written(quote, letterhead),
        sums=totals(quote.items),
        business=letterhead.name or workspace.name,
        letterhead=letterhead,
        errors=errors or {},
        typed=request.form,
        asked=asked,
        rest=rest if quote.state == "accepted" and rest > 0 else None,
        payable=quote.state == "accepted" and rest > 0 and till_of(here(), session, workspace) is not None,
        settled=quote.state == "accepted" and rest <= 0,
        account=paper.account(quote, letterhead),
    )


def as_file(content: bytes, name: str) -> Response:
    answer = Response(content, content_type="application/pdf")
    answer.headers.set("Content-Disposition", "attachment", filename=name)
    return answer


@front.errorhandler(404)
def gone(_error: Exception) -> Answer:
    return render(None, "quotes/gone.html"), 410


@front.after_request
def keep_to_itself(response: Response) -> Response:
    """Neither search engines nor the pages one goes on to learn the address."""
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["X-Robots-Tag"] = "noindex, nofollow"
    return response
