import {registry} from "@web/core/registry";

const MESSAGE = ".o-mail-Thread .o-mail-Message";
const RESULT = ".o-mail-SearchMessageResult .o-mail-Message";

/**
 * Milliseconds for one step, its action included: the most that Odoo allows. To draw a
 * page of messages anew takes a slow machine many of Odoo's usual 10 s.
 */
const STEP = 60000;

/** Milliseconds for what a step's action waits for, so that it tells what it saw. */
const WAIT = 50000;

/** Register a tour for machines of every speed. */
function addTour(name, steps) {
    registry.category("web_tour.tours").add(name, {
        steps: () => steps().map((step) => ({timeout: STEP, ...step})),
    });
}

/** The numbers in the subjects ("Mail 042"), as shown from the top down. */
function numbers(selector = MESSAGE) {
    return [...document.querySelectorAll(selector)]
        .map((el) => el.textContent.match(/Mail (\d+)/)?.[1])
        .filter(Boolean)
        .map(Number);
}

function until(condition, what, selector = MESSAGE) {
    return new Promise((resolve, reject) => {
        const started = Date.now();
        const look = () => {
            if (condition()) {
                resolve();
            } else if (Date.now() - started > WAIT) {
                reject(new Error(`${what}: ${numbers(selector).join(" ")}`));
            } else {
                requestAnimationFrame(look);
            }
        };
        look();
    });
}

/** What is shown is in order, each once, none missing in between. */
function inOrder(selector = MESSAGE) {
    const found = numbers(selector);
    return found.every((number, index) => number === found[0] - index);
}

/** All messages from ``newest`` to ``oldest`` are there, in order, and no others. */
function shown(newest, oldest, selector = MESSAGE) {
    const found = numbers(selector);
    return inOrder(selector) && found[0] === newest && found.at(-1) === oldest;
}

/** The same, with more before or after: a page more comes when an end is in sight. */
function shownAtLeast(newest, oldest) {
    const found = numbers();
    return inOrder() && found[0] >= newest && found.at(-1) <= oldest;
}

async function scrollToEnd() {
    await until(() => {
        [...document.querySelectorAll(MESSAGE)].at(-1)?.scrollIntoView();
        return numbers().at(-1) === 0 && shown(numbers()[0], 0);
    }, "messages down to the oldest in order");
}

/** Press the button, which shows on hovering, beside a search result. */
function jumpTo(text) {
    [...document.querySelectorAll(".o-mail-MessageCardList .card")]
        .find((card) => card.textContent.includes(text))
        .querySelector(".o-mail-MessageCard-jump")
        .click();
}

/** The client's record of the contact's conversation. */
function conversation() {
    const {records} = odoo.__WOWL_DEBUG__.root.env.services["mail.store"].Thread;
    return Object.values(records).find(({isByDate}) => isByDate);
}

addTour("mailbox_chatter_order", () => [
    {
        content: "The newest page is in order",
        trigger: `${MESSAGE}:contains(Mail 094)`,
        run: () => until(() => shownAtLeast(94, 65), "the first page"),
    },
    {
        content: "So is everything, scrolling back to the oldest",
        trigger: MESSAGE,
        run: () => scrollToEnd(),
    },
    {trigger: "button[title='Search Messages']", run: "click"},
    {trigger: ".o_searchview_input", run: "edit Text of Mail"},
    {trigger: ".o_searchview_input", run: "press Enter"},
    {
        content: "Search results are in order and go on",
        trigger: `${RESULT}:contains(Mail 094)`,
        run: () =>
            until(
                () => {
                    // The end has to come into sight anew for each page.
                    document.querySelector(RESULT)?.scrollIntoView();
                    [...document.querySelectorAll(".o-mail-MessageCardList > *")]
                        .at(-1)
                        ?.scrollIntoView();
                    return shown(94, 0, RESULT);
                },
                "all search results in order",
                RESULT
            ),
    },
    {
        content: "Jump to the message that has just come into view, in the middle",
        trigger: `${RESULT}:contains(Mail 040)`,
        run: () => jumpTo("Mail 040"),
    },
    {
        trigger: `${MESSAGE}:contains(Mail 040)`,
        async run() {
            await until(() => shown(94, 0), "after a jump to what is there already");
        },
    },
    {trigger: ".o-mail-Chatter-logNote", run: "click"},
    {trigger: ".o-mail-Composer-input", run: "edit Mail 095 is a note"},
    {trigger: ".o-mail-Composer-send:enabled", run: "click"},
    {
        content: "What one posts is the newest",
        trigger: `${MESSAGE}:contains(Mail 095)`,
        run: () => until(() => numbers()[0] === 95 && numbers()[1] === 94, "a note"),
    },
    {
        content: "What one posts while the conversation is read anew stays",
        trigger: MESSAGE,
        async run() {
            const thread = conversation();
            await until(() => thread.status === "ready", "nothing on its way");
            const [note] = thread.messages.slice(-1);
            const reading = thread.reloadNewest();
            const posted = thread.store["mail.message"].insert({
                ...{id: note.id + 1000, model: thread.model, res_id: thread.id},
                ...{
                    body: "Mail 096 is a note",
                    date: note.date,
                    author_id: note.author_id,
                },
                message_type: "comment",
            });
            thread.addOrReplaceMessage(posted);
            if (!(await reading) || !posted.in(thread.messages)) {
                throw new Error("The note is gone, or nothing was read");
            }
            await until(() => numbers()[0] === 96 && numbers()[1] === 95, "two notes");
        },
    },
]);

addTour("mailbox_chatter_jump", () => [
    {trigger: `${MESSAGE}:contains(Mail 094)`},
    {trigger: "button[title='Search Messages']", run: "click"},
    {trigger: ".o_searchview_input", run: "edit Mail 030"},
    {trigger: ".o_searchview_input", run: "press Enter"},
    {
        trigger: `${RESULT}:contains(Mail 030)`,
        run() {
            conversation().reloadNewest(); // A jump waits for what is on its way.
            jumpTo("Mail 030");
        },
    },
    {
        content: "The jump shows what is around it, in order",
        trigger: `${MESSAGE}:contains(Mail 030)`,
        run: () => until(() => shownAtLeast(60, 1), "around the message"),
    },
    {
        content: "From there on to the oldest",
        trigger: MESSAGE,
        run: () => scrollToEnd(),
    },
    {
        content: "And up to the newest",
        trigger: MESSAGE,
        run() {
            // The end has to come into sight anew for each page.
            let looks = 0;
            return until(() => {
                const top = ++looks % 40 < 20 ? 0 : 2000;
                document.querySelector(".o-mail-Chatter").scrollTop = top;
                document.querySelector(".o_content").scrollTop = top;
                return shown(94, 0);
            }, "all messages in order");
        },
    },
]);

addTour("mailbox_chatter_future", () => [
    {trigger: `${MESSAGE}:contains(Mail 999)`},
    {trigger: ".o-mail-Chatter-logNote", run: "click"},
    {trigger: ".o-mail-Composer-input", run: "edit Mail 998 of today"},
    {trigger: ".o-mail-Composer-send:enabled", run: "click"},
    {
        content: "The note stands between the future and the past",
        trigger: `${MESSAGE}:contains(Mail 998)`,
        run: () =>
            until(() => {
                const found = numbers();
                return found[0] === 999 && found[1] === 998 && found[2] === 94;
            }, "order with a date in the future"),
    },
]);

addTour("mailbox_contact_emails", () => [
    {
        content: "The button counts",
        trigger:
            "button[name='action_view_mailbox_messages']:contains(95):contains(E-mails)",
        run: "click",
    },
    {
        content: "The list opens at the newest",
        trigger: ".o_list_view .o_data_row:first:contains(Mail 094)",
    },
    {
        trigger: ".o_list_view .o_data_row:first .o_data_cell[name='subject']",
        run: "click",
    },
    {
        content: "An e-mail shows its text",
        trigger: ".o_form_view .o_field_widget[name='body']:contains(Text of Mail 094)",
    },
    {
        trigger: ".o_form_view .o_field_widget[name='email_from']:contains(customer@)",
    },
]);

addTour("mailbox_content_cards", () => [
    {
        content: "An invitation is above the text of its e-mail",
        trigger: `${MESSAGE}:contains(Friday, May 1, 2026)`,
        run: () => {
            const card = document.querySelector(".o_mailbox_card_summary");
            if (!card.textContent.includes("<script>alert(1)</script><b>Visit</b>")) {
                throw new Error(`The summary is not text: ${card.innerHTML}`);
            }
            // The text itself is in a shadow root.
            const text = card
                .closest(".o-mail-Message-content")
                .querySelector(".o-mail-Message-textContent");
            if (
                card.compareDocumentPosition(text) !== Node.DOCUMENT_POSITION_FOLLOWING
            ) {
                throw new Error("The card is not above the text");
            }
        },
    },
    {
        content: "An encrypted e-mail says so, with its subject",
        trigger: `${MESSAGE}:contains(Subject: Secret):contains(This e-mail is encrypted)`,
    },
]);
