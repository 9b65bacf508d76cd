// event_source.js URL NAME... - what the EventSource of Node.js says, a line of JSON each.
const EventSource = require("eventsource");

const [url, ...names] = process.argv.slice(2);
const source = new EventSource(url);
for (const name of ["open", "error", "message", "gap", ...names]) {
    source.addEventListener(name, (event) => console.log(JSON.stringify(
        {type: event.type, data: event.data, id: event.lastEventId})));
}
process.on("SIGTERM", () => process.exit(0));
