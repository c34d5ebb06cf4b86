"""What `./dev corpora` does in Odoo with the files of a collection."""

import json

from devtools.corpora import import_files

PLAIN = b"From: ann@customer.example\nTo: me@example.com\nSubject: Hello\n\nHello\n"
NEWSLETTER = b"List-Unsubscribe: <https://customer.example/leave>\n" + PLAIN


def test_each_file_is_imported_left_out_or_failed(env, tmp_path):
    parts = b"".join(b"--b\nContent-Type: text/plain\n\nx\n" for _n in range(20_000))
    too_many = b"MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n"
    too_many += PLAIN.replace(b"Hello\n", parts) + b"--b--\n"
    files = {"plain": PLAIN, "newsletter": NEWSLETTER, "parts": too_many}
    paths = []
    for name, raw in files.items():
        (tmp_path / name).write_bytes(raw)
        paths.append(str(tmp_path / name))
    listed = tmp_path / "files.json"
    listed.write_text(json.dumps(paths))
    result = import_files(env, str(listed))
    assert result["imported"] == 1
    assert result["skipped"] == [(paths[1], "newsletter")]
    assert [path for path, _reason in result["failed"]] == [paths[2]]
    assert not result["lost"]
