// ClickHouse's HTTP interface, as much of it as the engine speaks, in front of chdb: ClickHouse
// as a library.
//
//	node front.mjs FOLDER
//
// It listens on a port of its own, prints "listening PORT", and ends when its stdin does, so
// that it never outlives the test that started it.
//
// A POST's query is the query parameter and its body the rows of an INSERT, or the body is the
// query. An answer is whole or an error, as with wait_end_of_query=1. Errors have ClickHouse's
// text, its code in X-ClickHouse-Exception-Code, and status 500. Settings belong into the
// query's SETTINGS clause; of the URL only query is read.

import {unlinkSync, writeFileSync} from 'node:fs';
import {createServer} from 'node:http';
import {createRequire} from 'node:module';
import {join} from 'node:path';

const require = createRequire(import.meta.url);
const {Session} = require('chdb');

const folder = process.argv[2];
// Tests ask small questions of small tables: threads cost more than they give.
const connectionArgs = ['--max_threads=1', '--max_insert_threads=1'];
const sessions = 3; // as many statements run at once
const idle = Array.from({length: sessions}, () => new Session(folder, {connectionArgs}));
const waiting = [];
let files = 0;

/** run gives f a session that nobody else uses meanwhile. */
async function run(f) {
	const session = idle.pop() ?? await new Promise((resolve) => waiting.push(resolve));
	let back = session;
	try {
		return await f(session);
	} catch (err) {
		// A session whose statement failed half way answers the next one with what is left.
		session.close();
		back = new Session(folder, {connectionArgs});
		throw err;
	} finally {
		const next = waiting.shift();
		if (next) next(back);
		else idle.push(back);
	}
}

async function answer(request) {
	const chunks = [];
	for await (const chunk of request) chunks.push(chunk);
	const body = Buffer.concat(chunks);
	const query = new URL(request.url, 'http://front').searchParams.get('query');
	if (query !== null && body.length > 0) {
		// chdb looks for the end of the statement in rows that follow it, and finds one in binary
		// rows: they come from a file.
		const file = join(folder, `rows-${++files}`);
		writeFileSync(file, body);
		try {
			await run((s) => s.queryAsync(query.replace(/ (SETTINGS .*)?FORMAT \w+$/, ` FROM INFILE '${file}'$&`)));
		} finally {
			unlinkSync(file);
		}
		return Buffer.alloc(0);
	}
	const result = await run((s) => s.queryAsync(query ?? body.toString('utf8')));
	return Buffer.from(result.bytes());
}

const server = createServer(async (request, response) => {
	try {
		const out = await answer(request);
		response.writeHead(200, {'Content-Length': out.length});
		response.end(out);
	} catch (err) {
		const text = String(err.message ?? err);
		const code = err.clickhouseCode ?? /Code: (\d+)/.exec(text)?.[1] ?? 1002;
		response.writeHead(500, {'X-ClickHouse-Exception-Code': String(code)});
		response.end(text + '\n');
	}
});
server.keepAliveTimeout = 60_000; // the client holds its connections longer than Node's 5 s
server.listen(0, '127.0.0.1', () => console.log(`listening ${server.address().port}`));
process.stdin.resume();
process.stdin.on('end', () => process.exit(0));
