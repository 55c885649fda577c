using System.Text.Json;
using Weir;

namespace Unit.Tests.Workflows;

/// <summary>Workflows that tests submit.</summary>
public static class TestWorkflows
{
    public sealed record Nothing;

    public sealed record Sum(int First, int Second, bool Double = false);

    /// <summary>Uses results of earlier steps, a block that may be left out, and a delay.</summary>
    [Job("sum", Retry = "quick")]
    public sealed class AddUp : IWorkflow<Sum>
    {
        public void Define(WorkflowBuilder<Sum> flow)
        {
            var first = flow.Step("first", step => Task.FromResult(step.Job.First));
            Step<Sum, int> second = null!;
            flow.Parallel(both =>
            {
                second = both.Step("second", step => Task.FromResult(step.Job.Second));
                both.Delay("pause", TimeSpan.FromMinutes(1));
            });
            Step<Sum, int> doubled = null!;
            flow.If("is-double", step => step.Job.Double, then => doubled = then.Step("doubled", step => Task.FromResult(2 * (step.Result(first) + step.Result(second)))));
            flow.Result(step => step.HasResult(doubled) ? step.Result(doubled) : step.Result(first) + step.Result(second));
        }
    }

    /// <summary>What a build serves as "changing": a later one has another second step.</summary>
    [Job("changing", Retry = "quick")]
    public sealed class Older : IWorkflow<Nothing>
    {
        public void Define(WorkflowBuilder<Nothing> flow)
        {
            flow.Step("begin", _ => Task.FromResult(1));
            flow.WaitFor<int>("go", TimeSpan.FromDays(1));
            flow.Step("old-end", _ => Task.FromResult("old"));
        }
    }

    [Job("changing", Retry = "quick")]
    public sealed class Newer : IWorkflow<Nothing>
    {
        public void Define(WorkflowBuilder<Nothing> flow)
        {
            flow.Step("quite-another", _ => Task.FromResult(1));
            flow.WaitFor<int>("go", TimeSpan.FromDays(1));
            flow.Step("new-end", _ => Task.FromResult("new"));
            flow.Step("old-end", _ => Task.FromResult("old, by a newer build"));
        }
    }

    [Job("changing", Retry = "quick")]
    public sealed class Without : IWorkflow<Nothing>
    {
        public void Define(WorkflowBuilder<Nothing> flow) => flow.Step("begin", _ => Task.FromResult(1));
    }

    public sealed record Parent(string Child, int Times = 0);

    [Job("parent.flow", Retry = "quick")]
    public sealed class WithChild : IWorkflow<Parent>
    {
        public void Define(WorkflowBuilder<Parent> flow)
        {
            flow.Step("before", _ => Task.FromResult(1)).Undo((_, _) => Task.CompletedTask);
            var child = flow.Child("child", flow.Job.Child, step => flow.Job.Child == "sum" ? new { first = 2, second = 3 } : new { times = step.Job.Times });
            flow.Result(step => new { sum = step.Result(child) });
        }
    }

    [Job("broken.flow")]
    public sealed class Broken : IWorkflow<Nothing>
    {
        public void Define(WorkflowBuilder<Nothing> flow)
        {
            flow.Step("same", _ => Task.CompletedTask);
            flow.Step("same", _ => Task.CompletedTask);
        }
    }

    [Job("slow.flow", Retry = "none")]
    public sealed class Slow : IWorkflow<Nothing>
    {
        public void Define(WorkflowBuilder<Nothing> flow) =>
            flow.Step("hangs", step => Task.Delay(Timeout.InfiniteTimeSpan, step.Clock, step.Cancellation)).Timeout(TimeSpan.FromSeconds(30))
                .Undo((_, _) => Task.CompletedTask, evenHalfRun: true);
    }

    [Job("ordered.flow", Ordering = Ordering.Strict)]
    public sealed class Ordered : IWorkflow<Nothing>
    {
        public void Define(WorkflowBuilder<Nothing> flow) => flow.WaitFor<JsonElement>("go", TimeSpan.FromDays(1));
    }

    /// <summary>Does two things, one of which it cannot undo at first, and then waits for an event.</summary>
    [Job("standing.flow", Retry = "none")]
    public sealed class Standing : IWorkflow<Nothing>
    {
        public static List<string> Effects { get; } = [];

        public static bool UndoFails { get; set; }

        public void Define(WorkflowBuilder<Nothing> flow)
        {
            foreach (var name in new[] { "one", "two" })
            {
                flow.Step(name, _ => Note($"run:{name}")).Undo((_, _) => UndoFails && name == "one" ? throw new PermanentException("not now") : Note($"undo:{name}"));
            }
            flow.WaitFor<int>("go", TimeSpan.FromDays(1));
        }

        private static Task Note(string effect)
        {
            Effects.Add(effect);
            return Task.CompletedTask;
        }
    }

    public sealed record Forked(bool Fails, bool GoesOn = false);

    /// <summary>One branch waits for an event, the other fails or not; and after that there is a wait that may be given up.</summary>
    [Job("forked.flow", Retry = "none")]
    public sealed class Fork : IWorkflow<Forked>
    {
        public void Define(WorkflowBuilder<Forked> flow)
        {
            flow.Parallel(both =>
            {
                both.Sequence(one =>
                {
                    one.Step("first", _ => Task.CompletedTask).Undo((_, _) => Task.CompletedTask);
                    one.WaitFor<int>("go", TimeSpan.FromDays(1), flow.Job.GoesOn ? WhenLate.Continue : WhenLate.Fail);
                    one.Step("after", _ => Task.CompletedTask);
                });
                both.Step("other", step => step.Job.Fails ? throw new PermanentException("no") : Task.CompletedTask);
            });
        }
    }
}
