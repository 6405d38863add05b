import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { statusQuery } from "../api/queries";
import { IconButton } from "../ui/Button";
import { Notice } from "../ui/States";

/** How often a page that stays open asks whether all is still well. */
const askEvery = 60_000;

/** A warning without its figures, which change while it stays the same warning. */
const kindOf = (text: string): string => text.replace(/\d[\d.]*( [kMG]?B\b)?/g, "#");

/** What needs a look, for who runs the server. One that is closed stays closed until the app is loaded again. */
export function Warnings() {
	const warnings = useQuery({ ...statusQuery, refetchInterval: askEvery }).data?.warnings;
	const [closed, setClosed] = useState<readonly string[]>([]);
	return warnings
		?.filter((text) => !closed.includes(kindOf(text)))
		.map((text) => (
			<Notice
				key={kindOf(text)}
				tone="warn"
				action={
					<IconButton
						icon="close"
						label="Close this warning"
						onClick={() => setClosed([...closed, kindOf(text)])}
					/>
				}
			>
				{text}
			</Notice>
		));
}
