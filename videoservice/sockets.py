"""WebSockets of daphne with a bound on what they receive, and none on what they send."""

from typing import Any

from daphne import ws_protocol

RECEIVED_BYTES = 4096
"""The largest message that a page may send. Ours send none."""


class WebSocketProtocol(ws_protocol.WebSocketProtocol):
    """autobahn's own limit holds for what is sent as well, and so would break every page that shows more than that."""

    def onMessageFrameBegin(self, length: int) -> None:
        super().onMessageFrameBegin(length)  # adds the length of this frame, of which nothing has been read yet
        if not self.failedByMe and self.message_data_total_length > RECEIVED_BYTES:
            told = f"a message of more than {RECEIVED_BYTES} bytes"
            self._max_message_size_exceeded(self.message_data_total_length, RECEIVED_BYTES, told)

    def serverSend(self, content: str | bytes, binary: bool = False) -> None:
        if self.state not in (self.STATE_CLOSING, self.STATE_CLOSED):  # nobody hears it there; autobahn would raise
            super().serverSend(content, binary)

    @property
    def has_page(self) -> bool:
        """Until the page, too, has closed it."""
        return self.state in (self.STATE_OPEN, self.STATE_CLOSING)

    def send_away(self, code: int) -> None:
        """Close it, if it is open."""
        if self.state == self.STATE_OPEN:
            self.serverClose(code)

    def unsent_bytes(self) -> int:
        """What the page has not taken yet of what it was sent, and so lies in memory."""
        transport: Any = self.transport  # of TCP
        return len(transport.dataBuffer) + int(transport._tempDataLen) - int(transport.offset)


class WebSocketFactory(ws_protocol.WebSocketFactory):
    protocol = WebSocketProtocol
