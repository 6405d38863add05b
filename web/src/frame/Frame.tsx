import { useQuery } from "@tanstack/react-query";
import { Outlet, useLocation, useRouter } from "@tanstack/react-router";
import { useEffect, useRef, useState } from "react";
import { SignInPage } from "../access/SignInPage";
import { sessionQuery, statusQuery, useSignOut } from "../api/queries";
import { basePath } from "../lib/base";
import { useGo } from "../lib/go";
import { keyLabel, useKeys } from "../lib/keys";
import { setTheme, type Theme, useTheme } from "../lib/theme";
import { setZone, useZone, zoneName } from "../lib/time";
import { rangeFromUrl, rangeToUrl, type TimeRange as TimeRangeValue } from "../lib/timeRange";
import { files, paths } from "../paths";
import { IconButton } from "../ui/Button";
import { Icon } from "../ui/Icon";
import { KeyboardHelp } from "../ui/KeyboardHelp";
import { Link } from "../ui/Link";
import { Menu, type MenuItem } from "../ui/Menu";
import { TimeRange } from "../ui/TimeRange";
import { Tooltips } from "../ui/Tooltips";
import css from "./Frame.module.css";
import { Palette } from "./Palette";
import { Warnings } from "./Warnings";

/** The areas there are. An area appears here when it works. */
const areas = [
	{ label: "Search", icon: "search", to: paths.search(), match: ["/search", "/trace/"] },
] as const;

/** What surrounds every page. Where a sign-in is needed it stands in the page's place, so the link one came by stays. */
export function Frame() {
	const session = useQuery(sessionQuery);
	const mustSignIn = session.data?.required === true && !session.data.signed_in;
	const [dialog, setDialog] = useState<"palette" | "keys">();
	const main = useRef<HTMLElement>(null);
	const go = useGo();
	const { pathname } = useLocation();
	const close = () => setDialog(undefined);

	useKeys(
		{
			title: "Everywhere",
			bindings: [
				{
					keys: "mod+k",
					does: "Find a page, a service, an id",
					inFields: true,
					run: () => setDialog((d) => (d === "palette" ? undefined : "palette")),
				},
				{ keys: "?", does: "This list", run: () => setDialog("keys") },
				{ keys: "g t", does: "Go to search", run: () => go(paths.search()) },
				{ keys: "g s", does: "Go to sending spans", run: () => go(paths.send()) },
			],
		},
		!mustSignIn,
	);

	// A new page begins at its top, for eyes and for screen readers.
	const shown = useRef(pathname);
	useEffect(() => {
		if (shown.current === pathname) return;
		shown.current = pathname;
		main.current?.focus({ preventScroll: true });
	}, [pathname]);

	return (
		<div className={css.frame}>
			<button type="button" className={css.skip} onClick={() => main.current?.focus()}>
				Skip to the page
			</button>
			<header className={css.top}>
				<Link to={paths.search()} className={css.logo} aria-label="Weft, search">
					<Mark />
					<span>Weft</span>
				</Link>
				{!mustSignIn && <Areas className={css.nav} label="Areas" />}
				<div className={css.end}>
					{!mustSignIn && (
						<>
							<button
								type="button"
								className={css.find}
								onClick={() => setDialog("palette")}
								aria-label="Find a page, a service, an id"
								data-tip="Find"
							>
								<Icon name="search" />
								<span className={css.findKeys}>{keyLabel("mod+k").join(" ")}</span>
							</button>
							<Range />
						</>
					)}
					<MoreMenu
						signedIn={session.data?.signed_in === true && session.data.required}
						name={session.data?.name}
						tenant={session.data?.tenant}
						onKeys={() => setDialog("keys")}
					/>
				</div>
			</header>
			<main ref={main} tabIndex={-1} className={css.main}>
				{session.data && !mustSignIn && <Warnings />}
				{mustSignIn ? <SignInPage /> : <Outlet />}
			</main>
			{!mustSignIn && (
				<div className={css.bottom}>
					<Areas label="Areas, below" icons />
					<button type="button" className={css.area} onClick={() => setDialog("palette")}>
						<Icon name="command" />
						Find
					</button>
				</div>
			)}
			{dialog === "palette" && <Palette onClose={close} onKeys={() => setDialog("keys")} />}
			{dialog === "keys" && <KeyboardHelp onClose={close} />}
			<Tooltips />
		</div>
	);
}

/** Three threads, the middle one over and under: a weft. */
function Mark() {
	return (
		<svg width="20" height="20" viewBox="0 0 20 20" aria-hidden="true" className={css.mark}>
			<rect x="1" y="3" width="18" height="3.2" rx="1.6" />
			<rect x="4" y="8.4" width="11" height="3.2" rx="1.6" opacity=".65" />
			<rect x="8" y="13.8" width="8" height="3.2" rx="1.6" opacity=".4" />
		</svg>
	);
}

function Areas({ className, label, icons = false }: { className?: string; label: string; icons?: boolean }) {
	const { pathname } = useLocation();
	return (
		<nav className={className} aria-label={label}>
			{areas.map((area) => (
				<Link
					key={area.label}
					to={area.to}
					className={css.area}
					aria-current={area.match.some((m) => pathname.startsWith(m)) ? "page" : undefined}
				>
					{icons && <Icon name={area.icon} />}
					{area.label}
				</Link>
			))}
		</nav>
	);
}

/** The time range of the page's URL. Pages about one moment have none. */
function Range() {
	const { pathname, search } = useLocation();
	const { history } = useRouter();
	const waiting = useQuery({ ...statusQuery, enabled: false }).data?.waiting_for_first_span;
	if (pathname !== "/search" || waiting) return null;
	const params = search as Record<string, string>;
	const change = (range: TimeRangeValue) => {
		const { last: _l, start: _s, end: _e, ...rest } = params;
		const query = new URLSearchParams({ ...rest, ...rangeToUrl(range) }).toString();
		history.push(`${basePath()}search${query ? `?${query}` : ""}`);
	};
	return <TimeRange range={rangeFromUrl(params)} onChange={change} />;
}

const themes: readonly [Theme, string][] = [
	["system", "As the device"],
	["light", "Light"],
	["dark", "Dark"],
];

function MoreMenu({
	signedIn,
	name,
	tenant,
	onKeys,
}: {
	signedIn: boolean;
	name?: string;
	tenant?: string;
	onKeys: () => void;
}) {
	const theme = useTheme();
	const zone = useZone();
	const signOut = useSignOut();
	const items: MenuItem[] = [
		{ heading: "Theme" },
		...themes.map(([value, label]) => ({ label, checked: theme === value, run: () => setTheme(value) })),
		{ heading: "Clock" },
		{
			label: `Local, ${zoneName(Date.now(), "local")}`,
			checked: zone === "local",
			run: () => setZone("local"),
		},
		{ label: "UTC only", checked: zone === "utc", run: () => setZone("utc") },
		"separator",
		{ label: "Send spans here", icon: "send", to: paths.send() },
		{ label: "Keyboard", icon: "keyboard", hint: "?", run: onKeys },
		{
			label: "API description",
			icon: "external",
			run: () => window.open(basePath() + files.openapi().slice(1), "_blank", "noopener"),
		},
	];
	if (signedIn) {
		items.push(
			"separator",
			{ heading: `${name || "token"}, tenant ${tenant ?? "default"}` },
			{ label: "Sign out", icon: "user", run: () => signOut.mutate() },
		);
	}
	return (
		<Menu
			label="Settings"
			align="end"
			items={items}
			trigger={(props) => (
				<IconButton {...props} icon={signedIn ? "user" : "theme"} label="Theme, clock, help" />
			)}
		/>
	);
}
