/* The page: shows messages and sends them. Everything that comes over the channel is shown as
 * text, never as markup. */
import {Outbox} from './outbox.js';
import {Subscription} from './subscription.js';

const MOST_SHOWN = 500;
const MOST_REMEMBERED = 10000;

const main = document.querySelector('main');
const messages = document.querySelector('#messages');
const pending = document.querySelector('#pending');
const state = document.querySelector('#state');
const form = document.querySelector('form');
const {name, text} = form.elements;

function randomId() {
    const bytes = crypto.getRandomValues(new Uint8Array(12));
    return Array.from(bytes, byte => byte.toString(16).padStart(2, '0')).join('');
}

/* The id of this window; it stays the same when the page is reloaded. */
const me = sessionStorage.chatId ??= randomId();

/* Messages that were sent and have not come back yet: id to list item. */
const pendingItems = new Map();

// ---- show

function element(tag, content = '') {
    const made = document.createElement(tag);
    made.textContent = content;
    return made;
}

/* The colour of a name, the same on all pages. */
function hue(name) {
    let sum = 0;
    for (const character of name)
        sum = (sum * 31 + character.codePointAt(0)) % 360;
    return sum;
}

function timeElement(ms) {
    const made = element('time');
    const when = new Date(ms);
    if (Number.isFinite(when.getTime())) {
        made.dateTime = when.toISOString();
        made.textContent = when.toLocaleTimeString([], {hour: '2-digit', minute: '2-digit'});
    }
    return made;
}

function item(message) {
    const made = element('li');
    const author = element('b', message.name);
    author.style.setProperty('--hue', hue(message.name));
    made.append(author, timeElement(message.time), element('p', message.text));
    made.classList.toggle('own', message.id.startsWith(me));
    return made;
}

/* Append to LIST. A user who has scrolled up stays there. */
function show(list, made) {
    const atEnd = main.scrollHeight - main.scrollTop - main.clientHeight < 50;
    list.append(made);
    if (list.childElementCount > MOST_SHOWN)
        list.firstElementChild.remove();
    if (atEnd)
        main.scrollTop = main.scrollHeight;
}

const outbox = new Outbox(message => {
    const made = pendingItems.get(message.id);
    made.classList.add('refused');
    made.append(element('small', 'This was not sent.'));
});

// ---- receive

/* Any client may publish on the channel. Null: not a message of the chat. */
function parse(data, cursor) {
    try {
        const {id = `cursor ${cursor}`, name, text, time} = JSON.parse(data);
        const isMessage = [id, name, text].every(part => typeof part === 'string');
        return isMessage ? {id, name, text, time} : null;
    } catch {
        return null;
    }
}

/* A message may come twice: a page publishes it again if it is unknown whether the broker
 * has it. */
const seen = new Set();

function isNew(id) {
    const known = seen.has(id);
    seen.add(id);
    if (seen.size > MOST_REMEMBERED)
        seen.delete(seen.values().next().value);
    return !known;
}

new Subscription({
    message(data, cursor) {
        const message = parse(data, cursor);
        if (message === null || !isNew(message.id))
            return;
        outbox.received(message.id);
        pendingItems.get(message.id)?.remove();
        pendingItems.delete(message.id);
        show(messages, item(message));
    },
    gap() {
        const made = element('li', 'Some messages may be missing here.');
        made.className = 'gap';
        show(messages, made);
    },
    state(word) {
        state.dataset.state = word;
        state.textContent = word;
    },
}, !window.EventSource || new URLSearchParams(location.search).has('poll'));

// ---- send

function fitHeight() {
    text.style.height = 'auto';
    text.style.height = `${text.scrollHeight + 2}px`;
}

form.addEventListener('submit', event => {
    event.preventDefault();
    localStorage.chatName = name.value;
    const message = {id: `${me}-${randomId()}`, name: name.value.trim(),
                     text: text.value.trim(), time: Date.now()};
    if (message.name === '' || message.text === '')
        return;
    pendingItems.set(message.id, item(message));
    show(pending, pendingItems.get(message.id));
    main.scrollTop = main.scrollHeight;
    outbox.add(message);
    text.value = '';
    fitHeight();
    text.focus();
});

text.addEventListener('input', fitHeight);
text.addEventListener('keydown', event => {
    if (event.key === 'Enter' && !event.shiftKey && !event.isComposing) {
        event.preventDefault();
        form.requestSubmit();
    }
});
name.value = localStorage.chatName ?? '';
(name.value === '' ? name : text).focus();
