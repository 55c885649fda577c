using System.Reflection;
using System.Reflection.Emit;

namespace AzureLocal.Functions;

/// <summary>
/// Calls of a method, or of a constructor, as fast as if they were written in C#. Emitted rather than built of expression
/// trees, whose compiler alone takes a tenth of a second to warm up.
/// </summary>
internal static class Compiled
{
    public delegate object? Call(object? instance, object?[] arguments);

    public static Call Of(MethodBase method)
    {
        var body = new DynamicMethod(
            method.Name, typeof(object), [typeof(object), typeof(object[])], method.DeclaringType!.Module, skipVisibility: true);
        var il = body.GetILGenerator();
        if (method is MethodInfo { IsStatic: false })
        {
            il.Emit(OpCodes.Ldarg_0);
            il.Emit(OpCodes.Castclass, method.DeclaringType);
        }
        foreach (var parameter in method.GetParameters())
        {
            il.Emit(OpCodes.Ldarg_1);
            il.Emit(OpCodes.Ldc_I4, parameter.Position);
            il.Emit(OpCodes.Ldelem_Ref);
            il.Emit(OpCodes.Unbox_Any, parameter.ParameterType);
        }
        if (method is ConstructorInfo constructor)
            il.Emit(OpCodes.Newobj, constructor);
        else
            EmitCall(il, (MethodInfo)method);
        il.Emit(OpCodes.Ret);
        return body.CreateDelegate<Call>();
    }

    private static void EmitCall(ILGenerator il, MethodInfo method)
    {
        il.Emit(method.IsVirtual ? OpCodes.Callvirt : OpCodes.Call, method);
        if (method.ReturnType == typeof(void))
            il.Emit(OpCodes.Ldnull);
        else if (method.ReturnType.IsValueType)
            il.Emit(OpCodes.Box, method.ReturnType);
    }

    /// <summary>A task of what a method of this return type returned.</summary>
    public static Func<object?, Task> AsTask(Type returnType) =>
        typeof(Task).IsAssignableFrom(returnType) ? static returned => (Task)returned!
        : returnType == typeof(ValueTask) ? static returned => ((ValueTask)returned!).AsTask()
        : IsGeneric(returnType, typeof(ValueTask<>)) ? Of<Func<object?, Task>>(nameof(AsTask), returnType)
        : static returned => Task.FromResult(returned);

    /// <summary>Takes the result out of that task once it has ended; null for a method whose task has none.</summary>
    public static Func<Task, object?>? ResultOf(Type returnType) =>
        IsGeneric(returnType, typeof(Task<>)) || IsGeneric(returnType, typeof(ValueTask<>)) ? Of<Func<Task, object?>>(nameof(ResultOf), returnType)
        : returnType == typeof(ValueTask) || typeof(Task).IsAssignableFrom(returnType) ? null
        : ResultOf<object?>;

    private static bool IsGeneric(Type type, Type definition) => type.IsGenericType && type.GetGenericTypeDefinition() == definition;

    private static TDelegate Of<TDelegate>(string method, Type task) where TDelegate : Delegate =>
        typeof(Compiled).GetMethod(method, genericParameterCount: 1, BindingFlags.NonPublic | BindingFlags.Static, [typeof(TDelegate).GenericTypeArguments[0]])!
            .MakeGenericMethod(task.GetGenericArguments())
            .CreateDelegate<TDelegate>();

    private static Task AsTask<T>(object? returned) => ((ValueTask<T>)returned!).AsTask();

    private static object? ResultOf<T>(Task ended) => ((Task<T>)ended).Result;
}
