import type { ReactNode } from "react";
import css from "./Chip.module.css";
import { Icon } from "./Icon";

interface Props {
	children: ReactNode;
	/** error: this part is not understood. */
	look?: "plain" | "error";
	onEdit?: () => void;
	onRemove?: () => void;
	/** For the remove button's name: "remove LABEL". */
	label: string;
}

/** One term of a query: click to edit, × to remove. */
export function Chip({ children, look = "plain", onEdit, onRemove, label }: Props) {
	return (
		<span className={`${css.chip} ${css[look]}`}>
			<button
				type="button"
				className={css.body}
				onClick={onEdit}
				tabIndex={-1}
				data-tip={look === "error" ? "Not understood" : undefined}
			>
				{children}
			</button>
			{onRemove && (
				<button
					type="button"
					className={css.remove}
					onClick={onRemove}
					aria-label={`remove ${label}`}
					tabIndex={-1}
				>
					<Icon name="close" size={12} />
				</button>
			)}
		</span>
	);
}
