"""Messages: addresses, headers, bodies, attachments, reports (RFC 5322, RFC 2045, RFC
3464).

Why we do not use the standard library's ``email``: anybody can send anything to a
mailbox, and an import reads hundreds of thousands of messages. ``email`` has no bounds
(endless parts and nesting exhaust time, memory and stack), raises on some malformed
headers, and reads an attachment line by line. Here every loop is bounded by the size of
its input and by constants at the top of its module, nothing recurses, functions that
read headers never raise, and parsing is about ten times faster (the bounds are tested
in ``tests/engine/test_hostile_mail.py``; ``./dev bench`` measures).
"""
