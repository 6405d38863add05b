import { QueryClientProvider } from "@tanstack/react-query";
import { act, fireEvent, render, screen, waitFor } from "@testing-library/react";
import { afterEach, expect, test, vi } from "vitest";
import { newQueryClient, statusQuery } from "../api/queries";
import { Warnings } from "./Warnings";

afterEach(() => vi.unstubAllGlobals());

test("a warning of the server is shown, and once closed stays so while only its figures change", async () => {
	let warnings = ["The disk of /data is nearly full: 524 MB are free.", "2 blocks on disk do not read."];
	vi.stubGlobal("fetch", async () => Response.json({ warnings }));
	const queries = newQueryClient();
	render(
		<QueryClientProvider client={queries}>
			<Warnings />
		</QueryClientProvider>,
	);
	const shown = () => screen.queryAllByRole("status").map((e) => e.textContent);
	await waitFor(() => expect(shown()).toEqual(warnings));
	const [first] = screen.getAllByRole("button", { name: "Close this warning" });
	if (first) fireEvent.click(first);
	expect(shown()).toEqual(["2 blocks on disk do not read."]);
	warnings = ["The disk of /data is nearly full: 1.02 GB are free.", "The disk of /data is full."];
	await act(() => queries.refetchQueries(statusQuery));
	await waitFor(() => expect(shown()).toEqual(["The disk of /data is full."]));
});
