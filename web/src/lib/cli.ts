/** Text as one word of a POSIX shell. */
export function shellWord(text: string): string {
	if (/^[\w@%+=:,./-]+$/.test(text)) return text;
	return `'${text.replaceAll("'", "'\\''")}'`;
}

/** A command line for the server this page came from; --server is left out for the usual one. */
export function cliLine(words: readonly string[], server: string): string {
	const line = ["weft", ...words.map(shellWord)];
	const address = server.replace(/\/$/, "");
	if (address !== "http://127.0.0.1:8800" && address !== "http://localhost:8800") {
		line.push("--server", shellWord(address));
	}
	return line.join(" ");
}
