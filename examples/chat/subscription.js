/* A permanent subscription: an EventSource, or long polls where event streams do not work. After
 * a failure it continues after the cursor of the last message. */
import {pause} from './pause.js';

const OPEN_WITHIN_MS = 10000;
const LISTENS_AFTER_MS = 1500; // a rejected poll is answered sooner
const ANSWER_WITHIN_MS = 60000;

export class Subscription {
    #cursor = '0'; // of the last message; 0 is before the oldest one
    #failures = 0;
    #wasOpen = false;
    #on;

    /* ON has the functions message(data, cursor), gap() (messages before the next one may be
     * missing) and state('connecting', 'connected' or 'reconnecting'). POLL: do not try an
     * EventSource. */
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

    /* A gap before the first message does not matter to a page that has shown none. */
    #gap() {
        if (this.#cursor !== '0')
            this.#on.gap();
    }

    // ---- server-sent events

    /* After a network failure the browser reconnects by itself, with Last-Event-ID. After an
     * answer other than 200 it does not; then a new EventSource is made. */
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

    /* If events have never come through, a proxy probably buffers answers: use polls. */
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

    /* The answer comes when there is a message, or after a timeout. */
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
