/* Messages on their way: one at a time, in their order, and each again and again until it
 * comes back over the subscription: then everybody has it. Its id tells the pages that it
 * is the same one. */
import {pause} from './pause.js';

const ANSWER_WITHIN_MS = 40000;
const COMES_BACK_WITHIN_MS = 5000;

class Letter {
    constructor(message) {
        this.message = message;
        this.cameBack = new Promise(resolve => this.hasComeBack = () => resolve(true));
    }
}

export class Outbox {
    #letters = [];
    #onRefused;

    /* ONREFUSED is called with a message that will never be taken. */
    constructor(onRefused) {
        this.#onRefused = onRefused;
    }

    add(message) {
        this.#letters.push(new Letter(message));
        if (this.#letters.length === 1)
            this.#sendAll();
    }

    /* The message with this ID has come over the subscription. */
    heard(id) {
        this.#letters.find(letter => letter.message.id === id)?.hasComeBack();
    }

    async #sendAll() {
        for (let failures = 0; this.#letters.length > 0;) {
            const letter = this.#letters[0];
            const status = await this.#send(letter.message);
            const refused = status >= 400 && status < 500;
            if (refused)
                this.#onRefused(letter.message);
            if (refused || await this.#comesBack(letter, status, failures++)) {
                this.#letters.shift();
                failures = 0;
            }
        }
    }

    /* Also one that got no answer may be there. */
    #comesBack(letter, status, failures) {
        const patience = status < 300
            ? new Promise(resolve => setTimeout(resolve, COMES_BACK_WITHIN_MS))
            : pause(failures);
        return Promise.race([letter.cameBack, patience]);
    }

    /* The status; 599 where there is no answer. */
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
