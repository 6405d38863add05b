import { fireEvent, render, screen } from "@testing-library/react";
import { expect, test, vi } from "vitest";
import { type Binding, keyLabel, useKeys } from "./keys";

function Page({
	bindings,
	on = true,
	children,
}: {
	bindings: Binding[];
	on?: boolean;
	children?: React.ReactNode;
}) {
	useKeys({ title: "Test", bindings }, on);
	return <div>{children}</div>;
}

const press = (key: string, target: Element | Window = window, more = {}) =>
	fireEvent.keyDown(target, { key, ...more });

test("keys, alternatives, sequences and mod", () => {
	const ran: string[] = [];
	const b = (keys: Binding["keys"], name: string): Binding => ({
		keys,
		does: name,
		run: () => ran.push(name),
	});
	render(
		<Page
			bindings={[
				b("j", "down"),
				b(["k", "ArrowUp"], "up"),
				b("g t", "traces"),
				b("mod+k", "find"),
				b("t", "t"),
			]}
		/>,
	);
	press("j");
	press("ArrowUp");
	press("k");
	press("g");
	press("t");
	press("t"); // the sequence is over
	press("k", window, { metaKey: true });
	press("K", window, { ctrlKey: true, shiftKey: true });
	press("j", window, { altKey: true }); // not ours
	press("x");
	expect(ran).toEqual(["down", "up", "up", "traces", "t", "find", "find"]);
});

test("typing is typing", () => {
	const run = vi.fn();
	const always = vi.fn();
	render(
		<Page
			bindings={[
				{ keys: "j", does: "down", run },
				{ keys: "mod+k", does: "find", run: always, inFields: true },
			]}
		>
			<input aria-label="field" />
			<textarea aria-label="area" />
		</Page>,
	);
	press("j", screen.getByLabelText("field"));
	press("j", screen.getByLabelText("area"));
	expect(run).not.toHaveBeenCalled();
	press("k", screen.getByLabelText("field"), { ctrlKey: true });
	expect(always).toHaveBeenCalledOnce();
});

test("Enter belongs to the button that has the focus", () => {
	const run = vi.fn();
	render(
		<Page bindings={[{ keys: "Enter", does: "open", run }]}>
			<button type="button">b</button>
			<p>text</p>
		</Page>,
	);
	press("Enter", screen.getByRole("button"));
	expect(run).not.toHaveBeenCalled();
	press("Enter", screen.getByText("text"));
	expect(run).toHaveBeenCalledOnce();
});

test("what came last stands on top, and what left is gone", () => {
	const ran: string[] = [];
	const page = (name: string): Binding[] => [{ keys: "e", does: name, run: () => ran.push(name) }];
	const { rerender } = render(
		<>
			<Page bindings={page("frame")} />
			<Page bindings={page("page")} />
		</>,
	);
	press("e");
	rerender(
		<>
			<Page bindings={page("frame")} />
			<Page bindings={page("page")} on={false} />
		</>,
	);
	press("e");
	expect(ran).toEqual(["page", "frame"]);
});

test("labels", () => {
	expect(keyLabel("g t")).toEqual(["g", "t"]);
	expect(keyLabel("ArrowDown")).toEqual(["↓"]);
	expect(keyLabel("mod+k").at(-1)).toBe("K");
});
