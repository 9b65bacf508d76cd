/* Sends messages one at a time and in order. Each is sent again until it comes back over the
 * subscription. Pages recognise a repeated message by its id. */
import {pause} from './pause.js';

const ANSWER_WITHIN_MS = 40000;
const RECEIVED_WITHIN_MS = 5000;

class Entry {
    constructor(message) {
        this.message = message;
        this.received = new Promise(resolve => this.setReceived = () => resolve(true));
    }
}

export class Outbox {
    #entries = [];
    #onRefused;

    /* ONREFUSED is called with a message that is rejected permanently. */
    constructor(onRefused) {
        this.#onRefused = onRefused;
    }

    add(message) {
        this.#entries.push(new Entry(message));
        if (this.#entries.length === 1)
            this.#sendAll();
    }

    /* The message with this ID has come over the subscription. */
    received(id) {
        this.#entries.find(entry => entry.message.id === id)?.setReceived();
    }

    async #sendAll() {
        for (let failures = 0; this.#entries.length > 0;) {
            const entry = this.#entries[0];
            const status = await this.#send(entry.message);
            const refused = status >= 400 && status < 500;
            if (refused)
                this.#onRefused(entry.message);
            if (refused || await this.#isReceived(entry, status, failures++)) {
                this.#entries.shift();
                failures = 0;
            }
        }
    }

    /* Wait until the message comes back, or is to be sent again. A message without an answer may
     * have been published, too. */
    #isReceived(entry, status, failures) {
        const timeout = status < 300
            ? new Promise(resolve => setTimeout(resolve, RECEIVED_WITHIN_MS))
            : pause(failures);
        return Promise.race([entry.received, timeout]);
    }

    /* Returns the status; 599 if there was no answer. */
    async #send(message) {
        try {
            const answer = await fetch('publish', {
                method: 'POST', body: JSON.stringify(message),
                headers: {'Content-Type': 'application/json'},
                signal: AbortSignal.timeout(ANSWER_WITHIN_MS)});
            return answer.status;
        } catch {
            return 599;
        }
    }
}
