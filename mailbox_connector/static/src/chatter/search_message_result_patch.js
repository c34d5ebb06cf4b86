import {SearchMessageResult} from "@mail/core/common/search_message_result";

import {patch} from "@web/core/utils/patch";

patch(SearchMessageResult.prototype, {
    /** Results are in order of date: the last one is not the one with the lowest id. */
    onLoadMoreVisible() {
        const {messageSearch, thread} = this.props;
        if (!thread.isByDate || !messageSearch?.messages?.length) {
            return super.onLoadMoreVisible(...arguments);
        }
        messageSearch.search(messageSearch.messages.at(-1).id);
    },
});
