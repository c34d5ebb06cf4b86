"""Every word of an e-mail that a mail app shows is shown, and no other."""

from __future__ import annotations

import html as stdlib_html
import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from odoo.addons.mailbox_connector.engine.mime.html import clean, is_blank


def words(source: str) -> list[str]:
    """What one reads of cleaned html: words, divided where elements divide them."""
    divided = re.sub(
        r"</?(?:br|div|h\d|hr|li|p|pre|t[dhr]|ul)\b[^<>]*>", " ", clean(source)
    )
    return stdlib_html.unescape(re.sub("<[^<>]*>", "", divided)).split()


SHOWN = [
    "<button>Yes</button>",
    "<button type=submit style='color:red'><b>Yes</b></button>",
    "<a href='https://x.example'><button>Yes</button></a>",
    "<input type=submit value='Yes'>",
    "<INPUT TYPE=BUTTON VALUE=Yes>",
    "<input value='Yes'>",
    "<input placeholder=Yes>",
    "<input type=image src='https://x.example/a' alt=Yes>",
    "<select><option>Yes</select>",
    "<select><optgroup label=Yes></optgroup></select>",
    "<select><option label=Yes></option></select>",
    "<textarea>Yes</textarea>",
    "<label>Yes</label>",
    "<fieldset><legend>Yes</legend></fieldset>",
    "<form action=x>Yes</form>",
    "<noscript>Yes</noscript>",
    "<noscript><p><b>Yes</b></p></noscript>",
    "<head><noscript>Yes</noscript></head>",
    "<details><summary>Yes</summary></details>",
    "<dialog>Yes</dialog>",
    "<object data=x><param name=y>Yes</object>",
    "<iframe src=x><p>Yes</p></iframe>",
    "<video src=x><a href=y>Yes</a></video>",
    "<audio>Yes</audio>",
    "<canvas>Yes</canvas>",
    "<applet>Yes</applet>",
    "<noembed>Yes</noembed>",
    "<frameset><frame src=x></frameset><noframes><body>Yes</body></noframes>",
    "<marquee>Yes</marquee>",
    "<center>Yes</center>",
    "<font color=red>Yes</font>",
    "<svg viewBox='0 0 1 1'><title>no</title><text x=1>Yes</text></svg>",
    "<svg><title/><style/><text>Yes</text></svg>",
    "<svg><foreignObject><p>Yes</p></foreignObject></svg>",
    "<svg><text>Yes",
    "<math><mi>Yes</mi></math>",
    "<text>Yes</text>",
    "<desc><mi>Yes</mi></desc>",
    "<ruby>Yes</ruby>",
    "<o:p>Yes</o:p>",
    "<x-unknown>Yes</x-unknown>",
    "<![if !mso]>Yes<![endif]>",
    "<!--[if !mso]><!-->Yes<!--<![endif]-->",
    "<!-->Yes<!-- -->",
    "<xmp>Yes</xmp>",
    "<plaintext>Yes",
    "<listing>Yes</listing>",
    "<menu><li>Yes</menu>",
    "<dir><li>Yes</dir>",
    "<![CDATA[Yes]]>",
    "<body><head>Yes</head></body>",
    "<table><tr><button>Yes</button></table>",
    "<p title='</noscript>'>Yes</p>",
]


@pytest.mark.parametrize("source", SHOWN)
def test_words_that_mail_apps_show_are_shown(source):
    assert words(f"<p>before</p>{source}") == ["before", "Yes"]


@pytest.mark.parametrize(
    "source",
    [
        "<script>no</script>",
        "<style>no</style>",
        "<title>no</title>",
        "<template><p>no</p></template>",
        "<datalist><option>no</option></datalist>",
        "<!-- no -->",
        "<!--[if mso]><p>no</p><![endif]-->",
        "<!--[if gte mso 9]><xml><o:p>no</o:p></xml><![endif]-->",
        "<xml><w:View>no</w:View></xml>",
        "<input type=hidden value=no>",
        "<input type=checkbox value=no>",
        "<input type=radio value=no>",
        "<input type=password value=no>",
        "<button value=no name=no></button>",
        "<option value=no></option>",
        "<svg><title>no</title><desc>no</desc><metadata>no</metadata></svg>",
        "<svg><style>no</style><script>no</script></svg>",
        "<math><annotation encoding=x>no</annotation></math>",
    ],
)
def test_words_that_nobody_sees_are_not_shown(source):
    assert words(f"<p>before</p>{source}<p>after</p>") == ["before", "after"]


@pytest.mark.parametrize(
    "text",
    [
        "<ann@customer.example>",
        "<ann.doe+x@customer.example>",
        "<https://shop.example/a?b=c>",
        "<mailto:ann@customer.example>",
        "<tel:+49123>",
        "<www.shop.example>",
        "<shop.example>",
    ],
)
def test_addresses_in_brackets_are_no_tags(text):
    """Written by who forgets to escape them; a browser swallows them as a tag."""
    assert words(f"<p>Ann {text} wrote</p>") == ["Ann", text, "wrote"]
    escaped = text.replace(">", "&gt;")
    assert words(f"<p>Ann {escaped} wrote</p>") == ["Ann", text, "wrote"]


def test_controls_are_words_only():
    """Nothing is left that can be pressed, typed into or sent, but its looks are."""
    shown = clean(
        '<form action="https://x.example"><button style="color:red" onclick="x()" '
        'name="a" value="b">Yes</button><select name="c"><option>One<option>Two'
        '</select><input name="d" value="&quot;&lt;b&gt;">'
        "<textarea>a\nb</textarea></form>"
    )
    assert shown == (
        '<div><span style="color:red">Yes</span> <span><span>One</span><br>'
        "<span>Two</span><br></span><span>&quot;&lt;b&gt;</span> "
        '<span style="white-space:pre-wrap">a\nb</span> </div>'
    )


@pytest.mark.parametrize(
    ("source", "start"),
    [
        ('<html dir="rtl"><body>x', '<div dir="rtl">'),
        ("<HTML><BODY DIR=RTL>x", '<div dir="rtl">'),
        ('<html dir="ltr"><body dir="rtl">x', '<div dir="rtl">'),
        ('<html lang="he" dir="rtl">x</html>', '<div dir="rtl" lang="he">'),
        ("<html lang='pt-BR'><body>x", '<div lang="pt-BR">'),
        ('<body bgcolor="#000000" text="#ffffff">x',)
        + ('<div style="background-color:#000000;color:#ffffff">',),
        ('<body style="margin:0; COLOR: red;direction:rtl;height:100%">x',)
        + ('<div style="color:red;direction:rtl">',),
        ("<!-- <body dir=ltr> --><body dir=rtl>x", '<div dir="rtl">'),
        ("<!--[if mso]><body class=a dir=ltr><![endif]--><body dir=rtl>x",)
        + ('<div dir="rtl">',),
        ('<body title="a>b" dir="rtl">x', '<div dir="rtl">'),
    ],
)
def test_the_page_says_direction_language_and_colors(source, start):
    assert clean(source).replace(": ", ":") == f"{start}x</div>"


@pytest.mark.parametrize(
    "source",
    [
        "<body>x",
        "<body class=a id=b onload=evil()>x",
        "<body dir=evil lang='\"><evil>'>x",
        "<body style='position:fixed;margin:-9px;background:url(evil)'>x",
        "<body bgcolor='url(evil)' text='expression(evil)'>x",
        "<body background=evil>x",
        "<!-- <body dir=rtl>x",
        "x<bodyx dir=rtl>",
    ],
)
def test_a_page_that_says_nothing_gets_no_wrapper(source):
    assert clean(source).removeprefix("x") in ("x", "")


def test_a_page_with_nothing_on_it_stays_empty():
    assert clean('<html lang="de"><body dir="ltr"></body></html>') == ""


# -- Property: whatever it is made of, what is to be seen is seen --

BLOCKS = "div p h2 li td form fieldset legend dialog button option select".split()
INLINE = "b i span font o:p x-y label a noscript object video svg text".split()
INVISIBLE = "script style template title datalist".split()


def elements(content):
    return st.one_of(
        st.tuples(st.sampled_from(BLOCKS + INLINE), content).map(
            lambda one: f"<{one[0]}>{one[1]}</{one[0]}> "
        ),
        st.sampled_from(INVISIBLE).map(lambda name: f"<{name}>Hidden</{name}>"),
        st.lists(content, min_size=2, max_size=3).map(" ".join),
        content.map(lambda inner: f"<!--[if mso]>Hidden<![endif]-->{inner}"),
        content.map(lambda inner: f"<![if !mso]>{inner}<![endif]>"),
    )


def numbered(source: str) -> str:
    """Each word bears its number, so that none can be missed."""
    count = iter(range(10_000))
    return re.sub(r"\bword\b", lambda _match: f"word{next(count)}", source)


@given(st.recursive(st.just(" word "), elements, max_leaves=12).map(numbered))
def test_all_visible_words_are_in_the_cleaned_html(source):
    wanted = re.findall(r"word\d+", source)
    cleaned = clean(source)
    assert sorted(re.findall(r"word\d+", cleaned)) == sorted(wanted)
    assert "Hidden" not in cleaned
    assert clean(cleaned) == cleaned or "<p>" in cleaned  # a block in a paragraph


@given(st.text(alphabet="<>/!-[]ab@.: =\"'", max_size=60), st.sampled_from(SHOWN))
def test_cleaning_odd_html_never_raises(text, source):
    clean(text + source + text)
    is_blank(text + source)


@pytest.mark.parametrize(
    "piece",
    [
        *(
            "<svg>",
            "<svg ",
            "<svg/>",
            "<noscript>",
            "<noscript ",
            '<iframe "',
            "<iframe'",
        ),
        *(
            "<![CDATA[",
            "<!--",
            "<body ",
            '<body "',
            "<html dir=",
            "<a@",
            "<aaaa",
            "a.a.",
        ),
        *(
            "<select><option>",
            "<input value=a>",
            "<form><button>",
            "<math><svg>",
            "</svg>",
        ),
        *("<http://", "<title/>", "&nbsp;", "<body><!-- ", "<textarea>"),
    ],
)
def test_cleaning_takes_linear_time(piece):
    source = piece * (100_000 // len(piece))
    started = time.process_time()
    clean(source)
    is_blank(source)
    assert time.process_time() - started < 5


# -- Html that shows nothing --

BLANK = [
    "",
    " \n ",
    "<html><head><meta charset=utf-8><title>T</title><style>p{}</style></head><body>",
    "<p>&nbsp;</p><div><br></div>",
    "<p>\u200b\u200c\u00ad\ufeff&zwnj;&#847; &#8203;</p>",
    "<div>" + "&nbsp;&zwnj;" * 500 + "</div>",
    "<div>" + "\u034f\u200c\u3164 " * 2000 + "</div>",
    "<!-- words --><script>words</script>",
    '<img src="https://t.example/o.gif" width="1" height="1">',
    '<img src="https://t.example/o.gif" width=0 height=0 border=0 alt="">',
    '<img src="https://t.example/o.gif" style="width:1px;height:1px">',
    '<img src="https://t.example/o.gif" style="display:none">',
    '<img src="https://t.example/o.gif" height="3" width="3px">',
    '<div style="display: none !important">words</div>',
    "<p hidden>words</p>",
    '<div style="font-size:0;line-height:0">words</div>',
    '<span style="visibility:hidden">words</span>',
    '<span style="opacity:0.0">words</span>',
    '<div style="max-height:0px;overflow:hidden">words</div>',
    '<div style="mso-hide:all;display:none"><p>words</p><img src="cid:a@x"></div>',
    "<table><tr><td></td></tr></table><hr>",
    '<img src="">',
    "<input type=hidden value=words>",
]


@pytest.mark.parametrize("source", BLANK)
def test_html_with_nothing_to_see_is_blank(source):
    assert is_blank(source)


@pytest.mark.parametrize(
    "source",
    [
        "<p>.</p>",
        "<p>\u4e2d</p>",
        "words",
        "<p>" + "words " * 1000,
        "<button>Yes</button>",
        "<input type=submit value=Yes>",
        '<img src="cid:a@x">',
        '<img src="https://x.example/a.png">',
        '<img src="https://x.example/a.png" width="600" height="400">',
        '<img src="https://x.example/a.png" width="100%" style="max-width:600px">',
        '<img src="data:image/png;base64,AAAA">',
        '<img alt="words">',
        '<div style="font-size:0"></div><p style="font-size:10px">words</p>',
        '<p style="color:#ffffff">words</p>',
        '<p style="max-height:100px;opacity:0.8;font-size:0.9em">words</p>',
        '<p title="display:none">words</p>',
        "<noscript>words</noscript>",
        "<div>" * 5000 + "words",
        '<div style="display:none">preheader</div><p>words</p>',
        "<p>words</p>" + '<img src="https://t.example/o.gif" width="1" height="1">',
    ],
)
def test_html_with_something_to_see_is_not_blank(source):
    assert not is_blank(source)
