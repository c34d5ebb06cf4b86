import {registry} from "@web/core/registry";

const MESSAGE = ".o-mail-Thread .o-mail-Message";

/** The numbers in the subjects ("Mail 042"), as shown from the top down. */
function numbers() {
    return [...document.querySelectorAll(MESSAGE)]
        .map((el) => el.textContent.match(/Mail (\d+)/)?.[1])
        .filter(Boolean)
        .map(Number);
}

function until(condition, what) {
    return new Promise((resolve, reject) => {
        const started = Date.now();
        const look = () => {
            if (condition()) {
                resolve();
            } else if (Date.now() - started > 20000) {
                reject(new Error(`${what}: ${numbers().join(" ")}`));
            } else {
                requestAnimationFrame(look);
            }
        };
        look();
    });
}

/** All messages from ``newest`` to ``oldest`` are there, each once, in order. */
function shown(newest, oldest) {
    const found = numbers();
    return (
        found.length === newest - oldest + 1 &&
        found.every((number, index) => number === newest - index)
    );
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

registry.category("web_tour.tours").add("mailbox_chatter_order", {
    steps: () => [
        {
            content: "The newest page is in order",
            trigger: `${MESSAGE}:contains(Mail 094)`,
            run: () => until(() => shown(94, 65), "the first page"),
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
            trigger: ".o-mail-SearchMessageResult .o-mail-Message:contains(Mail 094)",
            async run() {
                const results = () =>
                    [
                        ...document.querySelectorAll(
                            ".o-mail-SearchMessageResult .o-mail-Message"
                        ),
                    ].map((el) => Number(el.textContent.match(/Mail (\d+)/)[1]));
                await until(
                    () => {
                        [...document.querySelectorAll(".o-mail-Message")]
                            .at(-1)
                            .scrollIntoView();
                        document
                            .querySelector(".o-mail-MessageCardList .btn-link")
                            ?.scrollIntoView();
                        return results().length === 95;
                    },
                    `search results ${results().join(" ")}`
                );
                results().forEach((number, index) => {
                    if (number !== 94 - index) {
                        throw new Error(`Search: ${results().join(" ")}`);
                    }
                });
            },
        },
        {
            content: "Jump to the message that has just come into view, in the middle",
            trigger: ".o-mail-SearchMessageResult .o-mail-Message:contains(Mail 040)",
            run: () => jumpTo("Mail 040"),
        },
        {
            trigger: `${MESSAGE}:contains(Mail 040)`,
            async run() {
                await until(
                    () => shown(94, 0),
                    "after a jump to what is there already"
                );
            },
        },
        {trigger: ".o-mail-Chatter-logNote", run: "click"},
        {trigger: ".o-mail-Composer-input", run: "edit Mail 095 is a note"},
        {trigger: ".o-mail-Composer-send:enabled", run: "click"},
        {
            content: "What one posts is the newest",
            trigger: `${MESSAGE}:contains(Mail 095)`,
            run: () =>
                until(() => numbers()[0] === 95 && numbers()[1] === 94, "a note"),
        },
    ],
});

registry.category("web_tour.tours").add("mailbox_chatter_jump", {
    steps: () => [
        {trigger: `${MESSAGE}:contains(Mail 094)`},
        {trigger: "button[title='Search Messages']", run: "click"},
        {trigger: ".o_searchview_input", run: "edit Mail 030"},
        {trigger: ".o_searchview_input", run: "press Enter"},
        {
            trigger: ".o-mail-SearchMessageResult .o-mail-Message:contains(Mail 030)",
            run: () => jumpTo("Mail 030"),
        },
        {
            content: "The jump shows what is around it, in order",
            trigger: `${MESSAGE}:contains(Mail 030)`,
            run: () => until(() => shown(60, 1), "around the message"),
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
    ],
});

registry.category("web_tour.tours").add("mailbox_chatter_future", {
    steps: () => [
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
    ],
});

registry.category("web_tour.tours").add("mailbox_contact_emails", {
    steps: () => [
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
            trigger:
                ".o_form_view .o_field_widget[name='body']:contains(Text of Mail 094)",
        },
        {
            trigger:
                ".o_form_view .o_field_widget[name='email_from']:contains(customer@)",
        },
    ],
});
