/* A delay before the next attempt. It grows with each failure, and is random so that pages do not
 * all try again at the same time. */
const FIRST_MS = 500;
const LONGEST_MS = 8000;

export function pause(failures) {
    const ms = Math.min(FIRST_MS * 2 ** failures, LONGEST_MS) * (0.5 + Math.random() / 2);
    return new Promise(resolve => setTimeout(resolve, ms));
}
