import { PageBar } from "../frame/PageBar";

export function SendPage() {
	return <PageBar title="Send spans here" />;
}
