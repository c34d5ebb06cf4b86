import {useEffect} from "@odoo/owl";
import {FormController} from "@web/views/form/form_controller";
import {formView} from "@web/views/form/form_view";
import {registry} from "@web/core/registry";
import {usePager} from "@web/search/pager_hook";

const FIRST_FIELD =
    ".o_mailbox_step .o_field_widget:not(.o_readonly_modifier) input:not([disabled])";
const NEXT = ".o_mailbox_next:not([disabled])";

/** The guided setup: one step at a time, usable by keyboard alone. */
export class SetupFormController extends FormController {
    setup() {
        super.setup();
        // The pager's "Next" would look like that of the steps.
        usePager(() => undefined);
        useEffect(
            () => this.rootRef.el?.querySelector(FIRST_FIELD)?.focus(),
            () => [this.model.root.data.setup_step]
        );
        useEffect(
            (element) => {
                const onKeydown = this.onKeydown.bind(this);
                element?.addEventListener("keydown", onKeydown);
                return () => element?.removeEventListener("keydown", onKeydown);
            },
            () => [this.rootRef.el]
        );
        useEffect(
            (state, resId) => {
                if (state === "connected" && resId) {
                    this.openMailbox(resId);
                }
            },
            () => [this.model.root.data.state, this.model.root.resId]
        );
    }

    /** Enter continues, unless it means something else where it was pressed. */
    onKeydown(ev) {
        const input = ev.target.closest("input");
        if (
            ev.key !== "Enter" ||
            ev.defaultPrevented ||
            ev.isComposing ||
            !input ||
            input.getAttribute("aria-expanded") === "true"
        ) {
            return;
        }
        const next = this.rootRef.el.querySelector(NEXT);
        if (next) {
            ev.preventDefault();
            // So that what was typed reaches the record before the step changes.
            input.blur();
            next.click();
        }
    }

    /** The mailbox is connected: its own form shows what comes next. */
    openMailbox(resId) {
        return this.actionService.doAction(
            {
                type: "ir.actions.act_window",
                res_model: this.props.resModel,
                res_id: resId,
                views: [[false, "form"]],
            },
            {stackPosition: "replaceCurrentAction"}
        );
    }
}

registry.category("views").add("mailbox_setup_form", {
    ...formView,
    Controller: SetupFormController,
});
