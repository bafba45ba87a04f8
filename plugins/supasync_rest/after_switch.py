"""The manual steps after a switch, with the commands filled in."""

from collections.abc import Sequence

from supasync_core.api.switch import ManualStep
from supasync_core.model.printable import argument


def manual_steps(old: str, new: str) -> Sequence[ManualStep]:
    """What a person does after the switch from the project at host ``old`` to the one at ``new``."""
    source, sink = _ref(old, "OLD_REF"), _ref(new, "NEW_REF")
    return (
        ManualStep("Restart your app and its workers, so that they read the new .env."),
        ManualStep(
            "Deploy your edge functions to NEW.",
            (f"supabase functions deploy --project-ref {sink}",),
        ),
        ManualStep(
            "Set the function secrets in NEW. OLD shows only their names; you need the values.",
            (
                f"supabase secrets list --project-ref {source}",
                f"supabase secrets set --env-file ./functions.env --project-ref {sink}",
            ),
        ),
        ManualStep(
            "If the project has files in Storage, copy and prove them, and create the policies of "
            "storage.objects in NEW.",
            ("supasync storage sync", "supasync storage verify"),
        ),
        ManualStep(
            "If the app has users of Supabase Auth, copy them, and tell them to sign in again, unless "
            "cutover has copied their sessions. Set up in NEW's dashboard what no copy carries: providers "
            "with their secrets (and NEW's callback address in their consoles), SMTP, email templates, "
            "redirect URLs, hooks. NEW signs with other keys: whoever checks its tokens needs those.",
            ("supasync auth sync", "supasync auth verify"),
        ),
        ManualStep(
            "Recreate database webhooks, cron jobs and extensions in NEW. These queries list OLD's; run them "
            "in its SQL editor.",
            ("select jobname, schedule, command from cron.job;", "select extname from pg_extension;"),
        ),
        ManualStep(
            "Give NEW's address to everything else that calls OLD: webhooks of other services, mobile apps, "
            "DNS records, CI secrets."
        ),
    )


def _ref(host: str, otherwise: str) -> str:
    """The project's ref; a word to replace where its own domain hides it."""
    ref, _, rest = host.partition(".")
    return argument(ref) if rest == "supabase.co" else otherwise
