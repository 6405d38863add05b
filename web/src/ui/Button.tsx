import type { ButtonHTMLAttributes } from "react";
import css from "./Button.module.css";
import { Icon, type IconName } from "./Icon";

interface Props extends ButtonHTMLAttributes<HTMLButtonElement> {
	/** primary: the one thing to do here. plain: everything else. quiet: no border until hovered. danger: destroys. */
	look?: "primary" | "plain" | "quiet" | "danger";
	icon?: IconName;
}

export function Button({ look = "plain", icon, className, children, type = "button", ...rest }: Props) {
	return (
		<button {...rest} type={type} className={`${css.button} ${css[look]} ${className ?? ""}`}>
			{icon && <Icon name={icon} />}
			{children}
		</button>
	);
}

interface IconProps extends Omit<ButtonHTMLAttributes<HTMLButtonElement>, "children"> {
	icon: IconName;
	/** The name for screen readers and the tooltip. */
	label: string;
	/** A key that does the same, for the tooltip. */
	shortcut?: string;
}

/** A square button with an icon only. */
export function IconButton({ icon, label, shortcut, className, type = "button", ...rest }: IconProps) {
	return (
		<button
			{...rest}
			type={type}
			aria-label={label}
			data-tip={shortcut ? `${label}  ${shortcut}` : label}
			className={`${css.icon} ${className ?? ""}`}
		>
			<Icon name={icon} />
		</button>
	);
}
