import {Component, useEffect, useRef, xml} from "@odoo/owl";

import {registry} from "@web/core/registry";
import {standardWidgetProps} from "@web/views/widgets/standard_widget_props";

const SIDES = ["imap", "smtp"];
/** Settings that both servers share have no side in their name. */
const SHARED = ["ca_certificate", "email"];

/**
 * Marks the settings that the problems of a mailbox point to, visibly and for screen
 * readers, until the user changes them.
 */
export class FieldErrors extends Component {
    static template = xml`<span class="d-none" t-ref="here"/>`;
    static props = standardWidgetProps;

    setup() {
        this.here = useRef("here");
        useEffect(
            (names) => {
                const form = this.here.el?.closest(".o_form_renderer, .o_form_view");
                const marked = names
                    .split(" ")
                    .filter(Boolean)
                    .map((name) =>
                        form?.querySelector(`.o_field_widget[name="${name}"]`)
                    )
                    .filter(Boolean);
                const unmark = (ev) => this.mark(ev.currentTarget, false);
                for (const el of marked) {
                    this.mark(el, true);
                    el.addEventListener("input", unmark);
                }
                return () => {
                    for (const el of marked) {
                        this.mark(el, false);
                        el.removeEventListener("input", unmark);
                    }
                };
            },
            () => [this.names]
        );
    }

    get names() {
        const {data, resId} = this.props.record;
        return SIDES.filter((side) => resId && data[`${side}_problem`])
            .map((side) => [side, data[`${side}_problem_field`]])
            .filter(([, field]) => field)
            .map(([side, field]) =>
                SHARED.includes(field) ? field : `${side}_${field}`
            )
            .join(" ");
    }

    mark(el, isWrong) {
        el.classList.toggle("o_mailbox_wrong", isWrong);
        for (const input of el.querySelectorAll("input, textarea")) {
            if (isWrong) {
                input.setAttribute("aria-invalid", "true");
            } else {
                input.removeAttribute("aria-invalid");
            }
        }
    }
}

registry.category("view_widgets").add("mailbox_field_errors", {
    component: FieldErrors,
    fieldDependencies: SIDES.flatMap((side) => [
        {name: `${side}_problem`, type: "char"},
        {name: `${side}_problem_field`, type: "char"},
    ]),
});
