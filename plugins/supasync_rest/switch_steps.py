"""The steps of a switch that are no data, with the commands filled in."""

from collections.abc import Sequence

from supasync_core.api.switch import Manual


def steps(old: str, new: str) -> Sequence[Manual]:
    """What a person does after the switch from the project at host ``old`` to the one at ``new``."""
    source, sink = _ref(old, "OLD_REF"), _ref(new, "NEW_REF")
    return (
        Manual("restart your app and its workers, so that they read the new .env"),
        Manual(
            "edge functions: deploy them to NEW",
            (f"supabase functions deploy --project-ref {sink}",),
        ),
        Manual(
            "function secrets: list OLD's names, set NEW's values",
            (
                f"supabase secrets list --project-ref {source}",
                f"supabase secrets set --env-file ./functions.env --project-ref {sink}",
            ),
        ),
        Manual(
            "storage: create the buckets and policies in NEW, then copy the objects (rclone with both "
            "projects' S3 access keys, Project Settings -> Storage)",
            ("rclone copy old:BUCKET new:BUCKET",),
        ),
        Manual(
            "auth: copy the users by SQL, set providers, templates and redirect URLs in the dashboard",
        ),
        Manual(
            "database webhooks, cron jobs and extensions are part of the schema: look in OLD's SQL editor",
            ("select jobname, schedule, command from cron.job;", "select extname from pg_extension;"),
        ),
        Manual("tell everybody else who calls OLD: webhooks of other services, mobile apps, DNS, CI secrets"),
    )


def _ref(host: str, otherwise: str) -> str:
    """The project's ref; a word to replace where its own domain hides it."""
    ref, _, rest = host.partition(".")
    return ref if rest == "supabase.co" else otherwise
