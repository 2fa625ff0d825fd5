"""Who looks for a module's tests finds them: in tests/<room>/test_<module>.py, or where the list here says.

The trainer's rooms are below tests/trainer. `test_<module>_<aspect>.py` stands beside `test_<module>.py`.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.places import ROOT, TESTS

#: Modules without a test file of their name, by what tests them: several modules at once, or only through the whole.
ELSEWHERE = {
    "campaigns": (
        "dualano_setup/campaigns/carry",
        "dualano_setup/campaigns/executors/local",
        "dualano_setup/campaigns/executors/orders",
        "dualano_setup/campaigns/executors/slurm",
        "dualano_setup/campaigns/executors/ssh",
        "dualano_setup/campaigns/gpu_lock",
        "dualano_setup/campaigns/leftovers",
    ),
    "campaigns/test_head.py": (
        "dualano_setup/campaigns/state",
        "dualano_setup/campaigns/store",
        "dualano_setup/campaigns/supervise",
        "dualano_setup/campaigns/work",
        "dualano_setup/flows/campaign/display",
        "dualano_setup/flows/campaign/running",
        "dualano_setup/flows/campaign/watching",
        "dualano_setup/flows/campaign/words",
    ),
    "campaigns/test_plan.py": (
        "dualano_setup/campaigns/estimate",
        "dualano_setup/settings/campaign",
    ),
    "cli": ("dualano_setup/__main__",),
    "cli/test_campaign.py": (
        "dualano_setup/flows/campaign/background",
        "dualano_setup/flows/campaign/planning",
    ),
    "cli/test_check.py": ("dualano_setup/cli/completion",),
    "cli/test_evaluate.py": ("dualano_setup/flows/evaluate",),
    "cli/test_fix.py": (
        "dualano_setup/cli/undo",
        "dualano_setup/flows/fix",
        "dualano_setup/flows/settle",
        "dualano_setup/flows/undo",
    ),
    "cli/test_import.py": (
        "dualano_setup/facts/project/layouts/folders",
        "dualano_setup/facts/project/layouts/outlines",
        "dualano_setup/facts/project/layouts/survey",
        "dualano_setup/flows/bring",
        "dualano_setup/repairs/actions/intake",
        "dualano_setup/report/intake",
    ),
    "cli/test_main.py": (
        "dualano_setup/cli/parser",
        "dualano_setup/cli/rule",
        "dualano_setup/errors",
    ),
    "pages/test_browser.py": (
        "dualano_setup/pages/machine",
        "dualano_setup/pages/review_site",
    ),
    "pages/test_run.py": (
        "dualano_setup/pages/evaluation",
        "dualano_setup/pages/pairs",
        "dualano_setup/pages/pictures",
        "dualano_setup/pages/render",
        "dualano_setup/pages/settings",
        "dualano_setup/pages/source",
        "dualano_setup/pages/story",
    ),
    "pages/test_server.py": ("dualano_setup/pages/live",),
    "cli/test_patch.py": ("dualano_setup/flows/patch",),
    "cli/test_profile.py": ("dualano_setup/knowledge/solved",),
    "cli/test_report.py": (
        "dualano_setup/cli/review",
        "dualano_setup/cli/watch",
        "dualano_setup/flows/report",
        "dualano_setup/flows/watch",
    ),
    "cli/test_tool.py": ("dualano_setup/flows/tool",),
    "cli/test_usage_of_runs.py": (
        "dualano_setup/cli/generate",
        "dualano_setup/cli/quickstart",
        "dualano_setup/flows/logs",
    ),
    "cli/test_uninstall.py": (
        "dualano_setup/flows/uninstall",
        "dualano_setup/repairs/journal/outside",
    ),
    "explain/test_launcher_traceback.py": ("dualano_setup/runs/watch/live",),
    "explain/test_match.py": ("dualano_setup/explain/line_forms",),
    "explain/test_read.py": (
        "dualano_setup/cli/explain",
        "dualano_setup/explain/clean",
        "dualano_setup/explain/ending",
    ),
    "explain/test_signatures.py": ("dualano_setup/report/explain",),
    "explain/test_two_packages.py": ("dualano_setup/facts/environment/needs",),
    "facts/environment/test_probe.py": (
        "dualano_setup/facts/environment/builds",
        "dualano_setup/facts/environment/layout",
        "dualano_setup/facts/environment/leaks",
        "dualano_setup/facts/environment/packages",
    ),
    "facts/installers/test_probe.py": (
        "dualano_setup/facts/installers/pip_config",
        "dualano_setup/facts/installers/pythons",
        "dualano_setup/facts/installers/uv_config",
    ),
    "facts/machine/test_gpus.py": (
        "dualano_setup/facts/machine/kernel_gpus",
        "dualano_setup/facts/machine/nvidia_smi",
    ),
    "facts/project/layouts/test_pairing.py": ("dualano_setup/facts/project/layouts/picture",),
    "facts/project/test_contents.py": ("dualano_setup/facts/project/remembered",),
    "facts/project/test_project_probes.py": (
        "dualano_setup/facts/project/checkout",
        "dualano_setup/facts/project/dataset",
        "dualano_setup/facts/project/flat_yaml",
        "dualano_setup/facts/project/image_header",
        "dualano_setup/facts/project/model",
        "dualano_setup/facts/project/model_part",
        "dualano_setup/facts/project/requirement_lines",
        "dualano_setup/facts/project/requirements",
    ),
    "facts/test_collect.py": (
        "dualano_setup/facts/probing",
        "dualano_setup/rules/data/contents",
    ),
    "facts/test_serialize.py": (
        "dualano_setup/facts/fact",
        "dualano_setup/facts/sheet",
    ),
    "flows/test_compute_node.py": ("dualano_setup/facts/machine/slurm",),
    "fuzz": ("dualano_setup/facts/project/weights_file",),
    "hostile": (
        "dualano_setup/cli/runs",
        "dualano_setup/system/files",
        "dualano_setup/text/printable",
    ),
    "kills/test_full_disk.py": ("dualano_setup/system/atomic",),
    "knowledge/test_profile.py": (
        "dualano_setup/knowledge/catalogue",
        "dualano_setup/knowledge/shipped",
    ),
    "knowledge/test_why.py": ("dualano_setup/flows/why",),
    "patches/test_data.py": ("dualano_setup/patching/loading",),
    "patching/test_source.py": ("dualano_setup/patching/textual",),
    "patching/test_verify.py": ("dualano_setup/patching/model",),
    "real_training": (
        "dualano_setup/flows/quickstart",
        "dualano_setup/runs/proof",
    ),
    "real_training/test_prove.py": ("dualano_setup/cli/prove",),
    "repairs/actions/test_files.py": ("dualano_setup/repairs/actions/before_image",),
    "repairs/actions/test_mended_copy.py": (
        "dualano_setup/repairs/actions/room",
        "dualano_setup/repairs/actions/tensor_names",
        "dualano_setup/repairs/actions/undoing",
    ),
    "repairs/journal/test_apply.py": (
        "dualano_setup/facts/fixes",
        "dualano_setup/repairs/journal/serial",
    ),
    "repairs/journal/test_lock.py": ("dualano_setup/repairs/journal/holder",),
    "repairs/planners/test_environment.py": ("dualano_setup/installers/user_configuration",),
    "repairs/planners/test_groups.py": ("dualano_setup/knowledge/groups",),
    "repairs/planners/test_project_plans.py": (
        "dualano_setup/repairs/planners/accelerate",
        "dualano_setup/repairs/planners/dataset",
        "dualano_setup/repairs/planners/hub",
        "dualano_setup/repairs/planners/model",
        "dualano_setup/repairs/planners/requirements",
    ),
    "repairs/planners/test_masks.py": ("trainer/intake/mend",),
    "repairs/test_plan.py": (
        "dualano_setup/repairs/action",
        "dualano_setup/report/plan",
    ),
    "repairs/test_saved_plan.py": ("dualano_setup/text/json_text",),
    "report/test_document.py": (
        "dualano_setup/report/markdown",
        "dualano_setup/report/terminal",
        "dualano_setup/rules/suppression",
        "dualano_setup/text/say",
    ),
    "report/test_sarif.py": ("dualano_setup/settings/suppressions",),
    "rules/data/test_rules.py": ("dualano_setup/rules/data/files",),
    "rules/gpu/test_memory.py": ("dualano_setup/rules/gpu/visible",),
    "rules/pkg/test_binary.py": (
        "dualano_setup/rules/cures",
        "dualano_setup/rules/pkg/hub_names",
        "dualano_setup/rules/pkg/presence",
    ),
    "rules/pkg/test_rules.py": ("dualano_setup/rules/pkg/names",),
    "rules/req/test_rules.py": ("dualano_setup/rules/req/pin_completion",),
    "rules/req/test_rules_lines.py": (
        "dualano_setup/rules/req/duplicates",
        "dualano_setup/rules/req/indexes",
        "dualano_setup/rules/req/pin_knowledge",
        "dualano_setup/rules/req/platforms",
    ),
    "rules/test_acc.py": (
        "dualano_setup/rules/acc/content",
        "dualano_setup/rules/acc/precision",
        "dualano_setup/rules/acc/processes",
        "dualano_setup/rules/acc/rules",
    ),
    "rules/test_choose_profile.py": (
        "dualano_setup/knowledge/architectures",
        "dualano_setup/rules/judge",
        "dualano_setup/rules/rule",
    ),
    "rules/test_machine_and_names.py": (
        "dualano_setup/rules/finding",
        "dualano_setup/rules/selection",
    ),
    "rules/test_model.py": (
        "dualano_setup/facts/project/model_layout",
        "dualano_setup/rules/model_layout",
    ),
    "rules/test_rule_edges.py": (
        "dualano_setup/rules/req/releases",
        "dualano_setup/rules/wording",
    ),
    "rules/test_rules_sec_net.py": (
        "dualano_setup/rules/net",
        "dualano_setup/rules/sec",
    ),
    "runs/launch/test_command_line.py": ("dualano_setup/system/bundle",),
    "runs/launch/test_resume.py": (
        "dualano_setup/cli/resume",
        "dualano_setup/cli/status",
        "dualano_setup/flows/generate",
        "dualano_setup/flows/resume",
        "dualano_setup/runs/launch/arguments",
    ),
    "runs/test_ending.py": (
        "dualano_setup/cli/logs",
        "dualano_setup/cli/stop",
        "dualano_setup/flows/stop",
        "dualano_setup/runs/folder",
        "dualano_setup/runs/launch/handoff",
        "dualano_setup/runs/launch/supervisor",
        "dualano_setup/runs/look",
        "dualano_setup/runs/watch/attend",
        "dualano_setup/system/batch_warnings",
    ),
    "runs/test_state.py": ("dualano_setup/runs/records",),
    "runs/watch/test_explained.py": ("dualano_setup/runs/watch/report",),
    "settings/test_project_file.py": (
        "dualano_setup/settings/options",
        "dualano_setup/system/toml",
    ),
    "settings/test_resolve.py": ("dualano_setup/settings/windows",),
    "signals": (
        "dualano_setup/system/first_signal",
        "dualano_setup/system/unwinding",
    ),
    "signals/test_train.py": (
        "dualano_setup/cli/train",
        "dualano_setup/flows/train",
    ),
    "system/test_child.py": (
        "dualano_setup/system/probe_command",
        "dualano_setup/system/processes",
    ),
    "test_language.py": (
        "dualano_setup/cli/argparse_words",
        "dualano_setup/cli/asked_language",
        "dualano_setup/settings/stored",
    ),
    "trainer/data/test_split.py": ("trainer/data/mvtec",),
    "trainer/evaluate/networks/test_unet.py": ("trainer/evaluate/networks/resnet",),
    "trainer/evaluate/test_leaks.py": (
        "trainer/evaluate/protocols",
        "trainer/evaluate/sources",
    ),
    "trainer/evaluate/test_run.py": (
        "trainer/evaluate/__main__",
        "trainer/evaluate/baselines",
        "trainer/evaluate/estimate",
        "trainer/evaluate/jobs",
        "trainer/evaluate/pictures",
        "trainer/evaluate/report/document",
        "trainer/evaluate/report/drawings",
        "trainer/evaluate/report/table",
        "trainer/evaluate/settings",
        "trainer/evaluate/tasks/classify",
        "trainer/evaluate/tasks/localise",
        "trainer/evaluate/tasks/quality",
        "trainer/evaluate/tasks/training",
        "trainer/evaluate/telling",
    ),
    "trainer/export/test_main.py": (
        "trainer/export/coco",
        "trainer/export/files",
        "trainer/export/mvtec",
        "trainer/export/run",
        "trainer/export/settings",
        "trainer/export/source",
        "trainer/export/yolo",
        "trainer/files/reading",
    ),
    "trainer/export/test_readers.py": ("trainer/export/anomalib",),
    "trainer/generate/test_gate.py": ("trainer/generate/likeness", "trainer/generate/reference"),
    "trainer/generate/test_run.py": (
        "trainer/generate/__main__",
        "trainer/generate/generator",
        "trainer/generate/judging",
        "trainer/generate/manifest",
        "trainer/generate/settings",
    ),
    "trainer/hostile": ("trainer/files/folders",),
    "trainer/hostile/test_texts.py": ("trainer/files/lock",),
    "trainer/intake/test_write.py": (
        "trainer/intake/__main__",
        "trainer/intake/job",
        "trainer/intake/pixels",
        "trainer/intake/record",
    ),
    "trainer/kernels/test_attention.py": ("trainer/kernels/availability",),
    "trainer/kernels/test_gates.py": ("trainer/kernels/group_norm",),
    "trainer/kills": (
        "trainer/files/atomic",
        "trainer/run_folder/checkpoints",
        "trainer/train/resume",
    ),
    "trainer/masks/test_anomaly.py": ("trainer/masks/__main__",),
    "trainer/masks/test_repair.py": ("trainer/masks/surroundings",),
    "trainer/memory/test_estimate.py": (
        "trainer/memory/__main__",
        "trainer/memory/unet_layers",
    ),
    "trainer/method/test_merged.py": ("trainer/kernels/cuda_graph",),
    "trainer/miniature/test_base.py": ("trainer/miniature/world/captions",),
    "trainer/miniature/test_make.py": (
        "trainer/miniature/__main__",
        "trainer/miniature/data",
        "trainer/miniature/model",
    ),
    "trainer/miniature/test_world.py": (
        "trainer/miniature/world/anomalies",
        "trainer/miniature/world/batch",
        "trainer/miniature/world/categories",
        "trainer/miniature/world/draws",
        "trainer/miniature/world/geometry",
        "trainer/miniature/world/materials",
        "trainer/miniature/world/objects",
        "trainer/miniature/world/scene",
    ),
    "trainer/oracle": (
        "trainer/base_model/feed_forward",
        "trainer/base_model/frozen_layers",
        "trainer/data/latents",
        "trainer/method/adapters",
        "trainer/method/frames",
        "trainer/method/lora",
        "trainer/method/objective",
        "trainer/method/sampling",
        "trainer/method/text",
        "trainer/method/unet",
    ),
    "trainer/oracle/test_sample.py": (
        "trainer/data/backgrounds",
        "trainer/method/conditions",
    ),
    "trainer/method/test_products.py": ("trainer/optim/layout", "trainer/weights/fit"),
    "trainer/oracle/test_train5.py": ("trainer/optim/loss_scale",),
    "trainer/test_content.py": (
        "trainer/content/ends",
        "trainer/content/share",
        "trainer/content/texts",
        "trainer/content/uniform",
        "trainer/content/verdict",
        "trainer/data/measure",
        "trainer/data/square",
    ),
    "trainer/test_convert.py": (
        "trainer/cli/run_command",
        "trainer/errors",
        "trainer/weights/pickled",
    ),
    "trainer/test_foreground.py": (
        "trainer/masks/objects",
        "trainer/masks/regions",
    ),
    "trainer/train/test_config.py": (
        "trainer/__main__",
        "trainer/cli/flag_types",
        "trainer/optim/learning_rate",
        "trainer/train/flags/groups",
        "trainer/variant",
    ),
    "trainer/train/test_run.py": (
        "trainer/base_model/precision",
        "trainer/cli/interrupt",
        "trainer/train/assembly",
        "trainer/train/loop",
        "trainer/train/reports",
    ),
    "trainer/train/test_together.py": ("trainer/train/flags/types",),
    "trainer/train/test_sample_sheets.py": ("trainer/run_folder/folder",),
    "upkeep/test_recheck.py": (
        "dualano_setup/upkeep/hashes",
        "dualano_setup/upkeep/index_pages",
    ),
    "worlds": (
        "dualano_setup/check",
        "trainer/data/__main__",
    ),
    "worlds/test_agreement.py": ("trainer/train/data",),
}
MODULES = sorted(
    file.relative_to(ROOT).with_suffix("").as_posix()
    for package in ("dualano_setup", "trainer")
    for file in (ROOT / package).rglob("*.py")
    if file.name != "__init__.py"
)


def mirrored(module: str) -> Path:
    """Where a module's own tests stand."""
    package, *rooms, name = module.split("/")
    above = TESTS if package == "dualano_setup" else TESTS / "trainer"
    return above.joinpath(*rooms, f"test_{name.strip('_')}.py")


def test_every_module_has_its_test_file_or_stands_in_the_list_once():
    without = [module for module in MODULES if not mirrored(module).is_file()]
    assert sorted(module for modules in ELSEWHERE.values() for module in modules) == without


@pytest.mark.parametrize("place", ELSEWHERE)
def test_a_place_in_the_list_holds_tests(place):
    path = TESTS / place
    assert path.is_file() or list(path.glob("test_*.py"))
