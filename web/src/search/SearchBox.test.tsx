import { QueryClientProvider } from "@tanstack/react-query";
import { act, fireEvent, render, screen, waitFor } from "@testing-library/react";
import { useRef, useState } from "react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { complete } from "../../mock/data";
import { newQueryClient } from "../api/queries";
import { SearchBox } from "./SearchBox";

const searched = vi.fn();

function Page({ initial }: { initial: string }) {
	const [q, setQ] = useState(initial);
	const input = useRef<HTMLInputElement>(null);
	return (
		<QueryClientProvider client={newQueryClient()}>
			<SearchBox
				q={q}
				onSearch={(next) => {
					searched(next);
					setQ(next);
				}}
				inputRef={input}
			/>
		</QueryClientProvider>
	);
}

beforeEach(() => {
	searched.mockClear();
	// The mock's completion, so that keys and values are suggested.
	vi.stubGlobal("fetch", async (path: string) => {
		const params = new URL(path, "http://x").searchParams;
		return Response.json(complete(params.get("q") ?? "", Number(params.get("pos"))));
	});
});
afterEach(() => vi.unstubAllGlobals());

const field = () => screen.getByRole<HTMLInputElement>("combobox");
const chips = () =>
	screen
		.queryAllByRole("button", { name: /^remove/ })
		.map((b) => b.getAttribute("aria-label")?.slice("remove ".length));
const key = (name: string, more = {}) => fireEvent.keyDown(field(), { key: name, ...more });
const type = (text: string) => {
	fireEvent.change(field(), { target: { value: text } });
	field().setSelectionRange(text.length, text.length);
};
const caret = (at: number) => field().setSelectionRange(at, at);

test("what is typed becomes a chip on Enter, and the query", () => {
	render(<Page initial="service=payment" />);
	expect(chips()).toEqual(["service=payment"]);
	type("status=error");
	key("Enter");
	expect(searched).toHaveBeenLastCalledWith("service=payment status=error");
	expect(chips()).toEqual(["service=payment", "status=error"]);
	expect(field().value).toBe("");
});

test("a blank after a whole comparison makes a chip without searching", () => {
	render(<Page initial="" />);
	type("service=payment");
	key(" ");
	expect(chips()).toEqual(["service=payment"]);
	expect(searched).not.toHaveBeenCalled();
	// A word is no comparison: the blank is a blank.
	type("timeout");
	key(" ");
	expect(chips()).toEqual(["service=payment"]);
	expect(field().value).toBe("timeout");
});

test("chips are reached and edited with the keyboard", () => {
	render(<Page initial="a=1 b=2" />);
	act(() => field().focus());
	caret(0);
	key("Backspace");
	expect(field().value).toBe("b=2");
	expect(chips()).toEqual(["a=1"]);
	caret(0);
	key("ArrowLeft");
	expect(field().value).toBe("a=1");
	expect(chips()).toEqual(["b=2"]);
	caret(3);
	key("ArrowRight");
	expect(field().value).toBe("b=2");
	type("b=3");
	key("Enter");
	expect(searched).toHaveBeenLastCalledWith("a=1 b=3");
});

test("a click on a chip edits it, its cross removes it", () => {
	render(<Page initial="{ a = 1 && b = 2 && c = 3 }" />);
	fireEvent.click(screen.getByRole("button", { name: "b = 2" }));
	expect(field().value).toBe("b = 2");
	type("b = 5");
	key("Enter");
	expect(searched).toHaveBeenLastCalledWith("{ a = 1 && b = 5 && c = 3 }");
	fireEvent.click(screen.getByRole("button", { name: "remove c = 3" }));
	expect(searched).toHaveBeenLastCalledWith("{ a = 1 && b = 5 }");
	fireEvent.click(screen.getByRole("button", { name: "Clear the query" }));
	expect(searched).toHaveBeenLastCalledWith("");
});

test("completion: choose with arrows, take with Enter; a value runs the search", async () => {
	render(<Page initial="" />);
	act(() => field().focus());
	type("serv");
	await screen.findByRole("option", { name: /service/ });
	key("ArrowDown");
	expect(field().getAttribute("aria-activedescendant")).toBe(screen.getAllByRole("option")[0]?.id);
	key("Enter");
	expect(field().value).toBe("service=");
	expect(searched).not.toHaveBeenCalled();
	await screen.findByRole("option", { name: /^payment\b(?!-)/ });
	type("service=pay");
	await waitFor(() => expect(screen.getAllByRole("option")).toHaveLength(2));
	key("Tab");
	expect(searched).toHaveBeenLastCalledWith("service=payment");
	expect(chips()).toEqual(["service=payment"]);
});

test("Escape closes the list first, then leaves; composing text is left alone", async () => {
	render(<Page initial="" />);
	act(() => field().focus());
	type("s");
	await screen.findAllByRole("option");
	key("Enter", { isComposing: true });
	expect(searched).not.toHaveBeenCalled();
	key("Escape");
	expect(screen.queryByRole("option")).toBeNull();
	expect(document.activeElement).toBe(field());
	key("Escape");
	expect(document.activeElement).not.toBe(field());
	expect(searched).not.toHaveBeenCalled();
});

test("another query from outside replaces what is typed", () => {
	const { rerender } = render(<Box q="a=1" />);
	type("half");
	rerender(<Box q="b=2" />);
	expect(chips()).toEqual(["b=2"]);
	expect(field().value).toBe("");
});

function Box({ q }: { q: string }) {
	const input = useRef<HTMLInputElement>(null);
	const [client] = useState(newQueryClient);
	return (
		<QueryClientProvider client={client}>
			<SearchBox q={q} onSearch={searched} inputRef={input} />
		</QueryClientProvider>
	);
}
