/* A while before the next attempt, longer after each failure; not the same for all pages,
 * which would else come back in the same moment. */
const FIRST_MS = 500;
const LONGEST_MS = 8000;

export function pause(failures) {
    const ms = Math.min(FIRST_MS * 2 ** failures, LONGEST_MS) * (0.5 + Math.random() / 2);
    return new Promise(resolve => setTimeout(resolve, ms));
}
