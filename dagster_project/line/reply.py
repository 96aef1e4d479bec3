"""Answering in a chat with a reply token: free of quota, once, within a minute of the event.

It can reach nobody but the person who has just written: it is no way to send.
"""

import logging
from collections.abc import Sequence
from typing import Any

from linebot.v3.messaging import ApiClient, Configuration, MessagingApi, ReplyMessageRequest

from dagster_project.line.client import TIMEOUTS
from dagster_project.line.loopback import require_loopback

log = logging.getLogger(__name__)


class ChatReplier:
    """A channel's answers. Any host but this machine's own needs `live=True`."""

    def __init__(self, base_url: str, access_token: str, *, live: bool = False) -> None:
        if not live:
            require_loopback(base_url)
        configuration = Configuration(host=base_url, access_token=access_token)
        configuration.retries = False
        self._api = MessagingApi(ApiClient(configuration))

    def reply(self, reply_token: str, messages: Sequence[dict[str, Any]]) -> None:
        """Answer once. An answer that does not get through is lost: its token does not last."""
        body = {"replyToken": reply_token, "messages": list(messages)}
        try:
            request = ReplyMessageRequest.from_dict(body)
            self._api.reply_message(request, _request_timeout=TIMEOUTS)
        except Exception as error:  # noqa: BLE001 - the event is kept; only the answer is lost
            log.warning("an answer did not get through: %s", type(error).__name__)

    def link_token(self, line_user_id: str) -> str | None:
        """Return a token for LINE's account link, good for ten minutes; None when LINE fails."""
        try:
            answer = self._api.issue_link_token(line_user_id, _request_timeout=TIMEOUTS)
        except Exception as error:  # noqa: BLE001 - as above: the patient can ask again
            log.warning("no link token: %s", type(error).__name__)
            return None
        return str(answer.link_token)
