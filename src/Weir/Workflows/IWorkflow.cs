namespace Weir;

/// <summary>
/// A job of several steps, each of which can be undone: <c>[Job("order.fulfil")] public sealed class FulfilOrder(…) : IWorkflow&lt;Order&gt;</c>. Made by
/// dependency injection for each step that runs, so its steps may use what its constructor takes.
/// </summary>
/// <typeparam name="TJob">The payload, as for <see cref="IJobHandler{TContract}"/>.</typeparam>
public interface IWorkflow<TJob>
{
    /// <summary>
    /// Lists the steps. It is called when a job starts, and its plan is kept with the job; and again whenever one of the steps is to run, to find its code.
    /// So it does nothing but list: the same payload gives the same steps.
    /// </summary>
    void Define(WorkflowBuilder<TJob> flow);
}
