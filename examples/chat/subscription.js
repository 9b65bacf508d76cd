/* A subscription that goes on for ever: an EventSource, or long polls where that does not
 * get through. What breaks is begun anew behind the cursor of the last message. */
import {pause} from './pause.js';

const OPEN_WITHIN_MS = 10000;
const LISTENS_AFTER_MS = 1500; // a poll that is to be refused is so before
const ANSWER_WITHIN_MS = 60000;

export class Subscription {
    #cursor = '0'; // of the last message; 0 is before the oldest that there is
    #failures = 0;
    #wasOpen = false;
    #on;

    /* ON has the functions message(data, cursor), gap() (something may be missing before
     * the next message) and state('connecting', 'connected' or 'reconnecting'). POLL: do not
     * even try an EventSource. */
    constructor(on, poll) {
        this.#on = on;
        on.state('connecting');
        if (poll)
            this.#poll();
        else
            this.#listen();
    }

    #connected() {
        this.#failures = 0;
        this.#on.state('connected');
    }

    #lost() {
        this.#on.state('reconnecting');
        return pause(this.#failures++);
    }

    #message(data, cursor) {
        this.#cursor = cursor;
        this.#on.message(data, cursor);
    }

    /* That the oldest is not the first ever is no news to a page that knows nothing. */
    #gap() {
        if (this.#cursor !== '0')
            this.#on.gap();
    }

    // ---- server-sent events

    /* What the network breaks, the browser mends, with the field Last-Event-ID. After any
     * other answer than 200 it gives up: then it is for us to begin anew. */
    #listen() {
        const source = new EventSource(`events?cursor=${this.#cursor}`);
        const patience = setTimeout(() => this.#giveUp(source), OPEN_WITHIN_MS);
        source.onopen = () => {
            clearTimeout(patience);
            this.#wasOpen = true;
            this.#connected();
        };
        source.onmessage = event => this.#message(event.data, event.lastEventId);
        source.addEventListener('gap', () => this.#gap());
        source.onerror = () => {
            if (source.readyState === EventSource.CLOSED) {
                clearTimeout(patience);
                this.#giveUp(source);
            } else {
                this.#on.state('reconnecting');
            }
        };
    }

    /* One that never came through will not do so later (a proxy that collects answers). */
    async #giveUp(source) {
        source.close();
        await this.#lost();
        if (this.#wasOpen)
            this.#listen();
        else
            this.#poll();
    }

    // ---- long polls

    async #poll() {
        for (;;) {
            try {
                this.#take(await this.#ask());
                this.#connected();
            } catch {
                await this.#lost();
            }
        }
    }

    /* An answer comes when there is a message, or after some time without. */
    async #ask() {
        const listens = setTimeout(() => this.#connected(), LISTENS_AFTER_MS);
        try {
            const answer = await fetch(`poll?cursor=${this.#cursor}`, {
                headers: {Accept: 'application/json'},
                signal: AbortSignal.timeout(ANSWER_WITHIN_MS)});
            if (answer.status !== 200 && answer.status !== 204)
                throw new Error(`status ${answer.status}`);
            return {cursor: answer.headers.get('Crew-Cursor'),
                    gap: answer.headers.has('Crew-Gap'),
                    messages: answer.status === 200 ? await answer.json() : []};
        } finally {
            clearTimeout(listens);
        }
    }

    #take({cursor, gap, messages}) {
        if (gap)
            this.#gap();
        for (const message of messages)
            this.#message(message.data, message.cursor);
        this.#cursor = cursor ?? this.#cursor;
    }
}
